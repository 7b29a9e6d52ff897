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
            -c|--config|--access_key|--secret_key|--access_token|--host|--host-bucket|--region|--bucket-location|--ca-certs|--ssl-cert|--ssl-key|--max-retries|--limit-rate|-j|--jobs|--shard|--encoding|--upload-id|--multipart-chunk-size-mb|--checksum-algorithm|--max-delete|--exclude|--exclude-from|--rexclude|--rexclude-from|--include|--include-from|--rinclude|--rinclude-from|--files-from|--acl-grant|--acl-revoke|-m|--mime-type|--default-mime-type|--add-encoding-exts|--add-header|--remove-header|--storage-class|--server-side-encryption-kms-id|--provider|--cache-file|--limit|--version-id|-D|--restore-days|--restore-priority|--expiry-date|--expiry-days|--expiry-prefix|--access-logging-target-prefix|--ws-index|--ws-error|--content-disposition|--content-type|--check|--address|--auth-file|--auth-key|--add-destination|--cf-add-cname|--cf-remove-cname|--cf-comment|--cf-default-root-object|--remote|--auth-expires|--tls-cert|--tls-key|--server-access-log|--lifecycle-day|--etag-hash|--domain|--server-read-timeout|--server-write-timeout)
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
        --help
        --version
        --config=
        --dump-config
        --access_key=
        --secret_key=
        --access_token=
        --host=
        --host-bucket=
        --ssl
        --no-ssl
        --ca-certs=
        --check-certificate
        --no-check-certificate
        --check-hostname
        --no-check-hostname
        --ssl-cert=
        --ssl-key=
        --signature-v2
        --requester-pays
        --no-connection-pooling
        --max-retries=
        --verbose
        --debug
        --quiet
        --json
        --encoding=
    )
    case $command in ''|mb|serve) options+=(--region= --bucket-location=) ;; esac
    case $command in ''|put|get|sync) options+=(--limit-rate=) ;; esac
    case $command in ''|rb|ls|la|du|put|get|sync|del|rm|cp|mv|md5sum|setacl) options+=(--jobs=) ;; esac
    case $command in ''|ls|la|du|put|get|sync|del|rm|cp|mv|md5sum|setacl) options+=(--shard=) ;; esac
    case $command in ''|put|get|sync|cp|mv) options+=(--progress --no-progress) ;; esac
    case $command in ''|sync|del|rm) options+=(--stats --max-delete=) ;; esac
    case $command in ''|rb|ls|la|put|get|del|rm|cp|mv|md5sum|modify|restore|setacl) options+=(--recursive) ;; esac
    case $command in ''|put|get|sync|del|rm|cp|mv|modify|restore|setacl|setpolicy|delpolicy|setlifecycle|dellifecycle|expire|settagging|deltagging|setversioning|setownership|setblockpublicaccess|setcors|delcors|setnotification|fixbucket) options+=(--dry-run) ;; esac
    case $command in ''|rb|get|del|rm) options+=(--force) ;; esac
    case $command in ''|get|sync) options+=(--skip-existing --delete-after-fetch) ;; esac
    case $command in ''|get) options+=(--continue) ;; esac
    case $command in ''|put|sync) options+=(--continue-put --upload-id= --disable-multipart --multipart-chunk-size-mb= --no-multipart-md5 --abort-on-error --check-md5 --no-check-md5 --files-from= --follow-symlinks --keep-dirs --verbatim --guess-mime-type --no-guess-mime-type --no-mime-magic --default-mime-type= --add-encoding-exts= --preserve --no-preserve --cache-file= --rclone-mtime) ;; esac
    case $command in ''|put|sync|info) options+=(--checksum-algorithm=) ;; esac
    case $command in ''|put|get|sync|cp|mv|modify|restore|setacl) options+=(--stop-on-error) ;; esac
    case $command in ''|serve) options+=(--no-fsync --address= --auth-file= --auth-key= --remote= --auth-expires= --share-auth-keys --no-auth --read-only --tls-cert= --tls-key= --allow-plain-http --server-access-log= --metrics --lifecycle-day= --etag-hash= --force-path-style --no-force-path-style --domain= --no-cleanup --cleanup --server-read-timeout= --server-write-timeout=) ;; esac
    case $command in ''|ls|la|du|put|get|sync|del|rm|cp|mv|md5sum|modify|restore|setacl) options+=(--exclude= --exclude-from= --rexclude= --rexclude-from= --include= --include-from= --rinclude= --rinclude-from=) ;; esac
    case $command in ''|mb|put|sync|cp|mv|modify|setacl) options+=(--acl-public --acl-private) ;; esac
    case $command in ''|setacl) options+=(--acl-grant= --acl-revoke=) ;; esac
    case $command in ''|put|sync|cp|mv|modify) options+=(--mime-type= --storage-class= --reduced-redundancy --rr --no-reduced-redundancy --no-rr --server-side-encryption --server-side-encryption-kms-id=) ;; esac
    case $command in ''|mb|put|sync|cp|mv|modify) options+=(--add-header=) ;; esac
    case $command in ''|sync|cp|mv|modify) options+=(--remove-header=) ;; esac
    case $command in '') options+=(--configure --provider=) ;; esac
    case $command in ''|put) options+=(--encrypt --no-encrypt) ;; esac
    case $command in ''|ls|la|du) options+=(--human-readable-sizes --list-allow-unordered) ;; esac
    case $command in ''|ls|la) options+=(--long-listing --list-md5 --limit=) ;; esac
    case $command in ''|rb|ls|la|du|del|rm) options+=(--all-versions) ;; esac
    case $command in ''|get|del|rm|cp|info|md5sum|restore|setacl|getacl|settagging|gettagging|deltagging|setobjectlegalhold|getobjectlegalhold|setobjectretention|getobjectretention|signurl) options+=(--version-id=) ;; esac
    case $command in ''|restore) options+=(--restore-days= --restore-priority=) ;; esac
    case $command in ''|expire) options+=(--expiry-date= --expiry-days= --expiry-prefix=) ;; esac
    case $command in ''|accesslog|cfcreate|cfmodify) options+=(--access-logging-target-prefix= --no-access-logging) ;; esac
    case $command in ''|ws-create) options+=(--ws-index= --ws-error=) ;; esac
    case $command in ''|setnotification) options+=(--skip-destination-validation) ;; esac
    case $command in ''|signurl) options+=(--content-disposition= --content-type=) ;; esac
    case $command in ''|md5sum) options+=(--check=) ;; esac
    case $command in ''|check) options+=(--embedded) ;; esac
    case $command in ''|sync) options+=(--delete-removed --no-delete-removed --delete-after --delay-updates --add-destination= --cf-invalidate) ;; esac
    case $command in ''|cfcreate|cfmodify) options+=(--enable --disable --cf-add-cname= --cf-comment= --cf-default-root-object=) ;; esac
    case $command in ''|sync|cfinval) options+=(--cf-invalidate-default-index --cf-no-invalidate-default-index-root) ;; esac
    case $command in ''|cfmodify) options+=(--cf-remove-cname=) ;; esac
    _s3cmd_offer < <(printf '%s\n' "${options[@]}")
}

_s3cmd_value() {
    case $1 in
        -c|--config) _s3cmd_files ;;
        --ca-certs) _s3cmd_files ;;
        --ssl-cert) _s3cmd_files ;;
        --ssl-key) _s3cmd_files ;;
        --checksum-algorithm) _s3cmd_offer < <(printf '%s\n' crc64nvme crc32c crc32 sha256 sha1) ;;
        --exclude-from) _s3cmd_files ;;
        --rexclude-from) _s3cmd_files ;;
        --include-from) _s3cmd_files ;;
        --rinclude-from) _s3cmd_files ;;
        --files-from) _s3cmd_files ;;
        --acl-grant) _s3cmd_offer < <(printf '%s\n' read: write: read_acp: write_acp: full_control: all:) ;;
        --acl-revoke) _s3cmd_offer < <(printf '%s\n' read: write: read_acp: write_acp: full_control: all:) ;;
        --storage-class) _s3cmd_offer < <(printf '%s\n' STANDARD STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER GLACIER_IR DEEP_ARCHIVE REDUCED_REDUNDANCY) ;;
        --cache-file) _s3cmd_files ;;
        --restore-priority) _s3cmd_offer < <(printf '%s\n' standard expedited bulk) ;;
        --access-logging-target-prefix) _s3cmd_remote objects ;;
        --check) _s3cmd_files ;;
        --auth-file) _s3cmd_files ;;
        --add-destination) _s3cmd_remote objects ;;
        --tls-cert) _s3cmd_files ;;
        --tls-key) _s3cmd_files ;;
        --server-access-log) _s3cmd_files ;;
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
        -c|--config|--access_key|--secret_key|--access_token|--host|--host-bucket|--region|--bucket-location|--ca-certs|--ssl-cert|--ssl-key|--max-retries|--limit-rate|-j|--jobs|--shard|--encoding|--upload-id|--multipart-chunk-size-mb|--checksum-algorithm|--max-delete|--exclude|--exclude-from|--rexclude|--rexclude-from|--include|--include-from|--rinclude|--rinclude-from|--files-from|--acl-grant|--acl-revoke|-m|--mime-type|--default-mime-type|--add-encoding-exts|--add-header|--remove-header|--storage-class|--server-side-encryption-kms-id|--provider|--cache-file|--limit|--version-id|-D|--restore-days|--restore-priority|--expiry-date|--expiry-days|--expiry-prefix|--access-logging-target-prefix|--ws-index|--ws-error|--content-disposition|--content-type|--check|--address|--auth-file|--auth-key|--add-destination|--cf-add-cname|--cf-remove-cname|--cf-comment|--cf-default-root-object|--remote|--auth-expires|--tls-cert|--tls-key|--server-access-log|--lifecycle-day|--etag-hash|--domain|--server-read-timeout|--server-write-timeout)
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
        put|get|sync)
            _s3cmd_either objects ;;
        setpolicy|setlifecycle|setcors|setnotification)
            _s3cmd_either buckets ;;
        ls|du|del|rm|cp|mv|info|md5sum|modify|restore|setacl|getacl|settagging|gettagging|deltagging|setobjectlegalhold|getobjectlegalhold|setobjectretention|getobjectretention|listmp|abortmp|fixbucket|cfinval|signurl)
            _s3cmd_remote objects ;;
        mb|rb|getpolicy|delpolicy|getlifecycle|dellifecycle|expire|setversioning|getversioning|setownership|getownership|setblockpublicaccess|getblockpublicaccess|payer|accesslog|getcors|delcors|getnotification|delnotification|ws-create|ws-info|ws-delete|multipart|cfcreate|check)
            _s3cmd_remote buckets ;;
        serve)
            _s3cmd_files ;;
        help)
            _s3cmd_offer < <(printf '%s\n' "${_s3cmd_commands[@]}") ;;
    esac
}

_s3cmd_commands=(
    mb
    rb
    ls
    la
    du
    put
    get
    sync
    del
    rm
    cp
    mv
    info
    md5sum
    modify
    restore
    setacl
    getacl
    setpolicy
    getpolicy
    delpolicy
    setlifecycle
    getlifecycle
    dellifecycle
    expire
    settagging
    gettagging
    deltagging
    setobjectlegalhold
    getobjectlegalhold
    setobjectretention
    getobjectretention
    setversioning
    getversioning
    setownership
    getownership
    setblockpublicaccess
    getblockpublicaccess
    payer
    accesslog
    setcors
    getcors
    delcors
    setnotification
    getnotification
    delnotification
    ws-create
    ws-info
    ws-delete
    multipart
    listmp
    abortmp
    fixbucket
    cflist
    cfinfo
    cfcreate
    cfdelete
    cfmodify
    cfinval
    cfinvalinfo
    signurl
    sign
    check
    serve
    help
)

complete -F _s3cmd s3cmd
