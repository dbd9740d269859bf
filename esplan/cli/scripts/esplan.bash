# bash completion for esplan. Once: source <(esplan completion bash)

_esplan() {
    local line word
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files) compopt -o default -o bashdefault 2>/dev/null ;;
            :) ;;
            *)
                word=${line%%$'\t'*}
                case $word in
                    --*=*) word=${word#*=} ;;  # bash takes the = for the end of a word
                esac
                COMPREPLY+=("$word")
                ;;
        esac
    done < <("$1" __complete "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}

complete -o nosort -F _esplan esplan 2>/dev/null || complete -F _esplan esplan
