# fish completion for s3cmd
# Generated from the tables of the program: BLESS=1 cargo test --test generated

# Prints the first word that is neither an option nor the value of one.
function __s3cmd_command
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            @VALUE_OPTIONS@
                set skip 1
            case '-?*'
            case '*'
                printf '%s\n' $word
                return
        end
    end
    return 1
end

function __s3cmd_no_command
    not __s3cmd_command >/dev/null
end

# Whether the command is one of these.
function __s3cmd_in
    contains -- (__s3cmd_command) $argv
end

# Whether the command is one of these, or not typed yet.
function __s3cmd_may_be_in
    set -l command (__s3cmd_command)
    or return 0
    contains -- $command $argv
end

# Buckets or objects of the configured store. With local files as an alternative: only if the word starts with s3:.
function __s3cmd_remote
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    # The value of an option follows its equals sign.
    set word (string replace -r -- '^--[^=]*=' '' $word)
    if test "$argv[2]" = too; and not string match -qir '^s3:' -- $word
        test -n "$word"; and printf 's3://\n'
        return
    end
    type -q -- $words[1]; or return
    $words[1] __complete fish $argv[1] "$word" $words[2..-1] 2>/dev/null
end

complete -c s3cmd -f
@COMMANDS@
@PARAMETERS@
@OPTIONS@
