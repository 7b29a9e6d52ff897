# bash completion for s3cmd                                -*- shell-script -*-
# Generated from the tables of the program: BLESS=1 cargo test --test generated

# The words up to the cursor, split as by the shell: bash completion also splits at : and =.
_s3cmd_split() {
    local rest=${COMP_LINE:0:COMP_POINT} index word trimmed
    words=()
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        trimmed=${rest#"${rest%%[![:space:]]*}"}
        [[ $trimmed == "$word"* ]] || word=$trimmed
        if ((${#words[@]} > 0)) && [[ $trimmed == "$rest" ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        rest=${trimmed#"$word"}
    done
}

# The first word that is neither an option nor the value of one.
_s3cmd_command() {
    local index
    command=
    for ((index = 1; index < ${#words[@]} - 1; index++)); do
        case ${words[index]} in
            @VALUE_OPTIONS@
                ((index++)) ;;
            -?*) ;;
            *)
                command=${words[index]}
                return ;;
        esac
    done
}

# Completes with the lines of stdin that start with the current word. Readline replaces only the part after the last : or =.
_s3cmd_offer() {
    local found typed=${current#[\"\']} end=${piece#[\"\']} cut=
    typed=${typed//\\/} end=${end//\\/}
    if [[ -n $end ]]; then
        [[ $typed == *"$end" ]] && cut=${typed%"$end"}
    elif [[ $typed == *[:=] ]]; then
        cut=$typed
    fi
    while IFS= read -r found; do
        [[ -n $found && $found == "$typed"* ]] && COMPREPLY+=("${found#"$cut"}")
    done
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[/:=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

_s3cmd_files() {
    local found
    compopt -o filenames 2>/dev/null
    while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen -f -- "${current#[\"\']}")
}

# Buckets or objects of the configured store.
_s3cmd_remote() {
    local program=${words[0]}
    [[ $program == \~/* ]] && program=$HOME/${program#\~/}
    # Names are quoted like file names, but the colon of s3: must not be quoted.
    [[ $current == *:* ]] && compopt -o filenames 2>/dev/null
    _s3cmd_offer < <("$program" __complete bash "$1" "$current" "${words[@]:1:${#words[@]}-2}" 2>/dev/null)
}

# Local files, or remote objects if the word starts with s3:.
_s3cmd_either() {
    if [[ ${current#[\"\']} == [sS]3:* ]]; then
        _s3cmd_remote "$1"
        return
    fi
    _s3cmd_files
    if ((${#COMPREPLY[@]} == 0)); then
        compopt +o filenames 2>/dev/null
        _s3cmd_offer <<<s3://
    fi
}

_s3cmd_options() {
    local options=(
        @COMMON_OPTIONS@
    )
    @COMMAND_OPTIONS@
    _s3cmd_offer < <(printf '%s\n' "${options[@]}")
}

_s3cmd_value() {
    case $1 in
        @VALUES@
    esac
}

_s3cmd() {
    local words command current piece=$2 option
    COMPREPLY=()
    _s3cmd_split
    _s3cmd_command
    current=${words[${#words[@]} - 1]}
    option=${words[${#words[@]} - 2]}
    if [[ $current == --*=* ]]; then
        option=${current%%=*}
        current=${current#*=}
        _s3cmd_value "$option"
        # If = does not split words, the option is part of the replaced text.
        [[ $piece == "$option="* ]] && COMPREPLY=("${COMPREPLY[@]/#/$option=}")
        return
    fi
    case $option in
        @VALUE_OPTIONS@
            _s3cmd_value "$option"
            return ;;
    esac
    if [[ $current == -* ]]; then
        _s3cmd_options
        return
    fi
    case $command in
        '')
            _s3cmd_offer < <(printf '%s\n' "${_s3cmd_commands[@]}") ;;
        @PARAMETERS@
    esac
}

_s3cmd_commands=(
    @COMMANDS@
)

complete -F _s3cmd s3cmd
