#compdef esplan
# zsh completion for esplan. Once: esplan completion zsh > "${fpath[1]}/_esplan"

_esplan() {
    local line files=0
    local -a given words_ meanings
    given=("${(@)words[1,CURRENT-1]}" "$PREFIX")
    while IFS= read -r line; do
        case $line in
            :files) files=1 ;;
            :) ;;
            *)
                words_+=("${line%%$'\t'*}")
                meanings+=("${line%%$'\t'*}  ${line#*$'\t'}")
                ;;
        esac
    done < <("$words[1]" __complete "${(j: :)given}" 2>/dev/null)
    (( $#words_ )) && compadd -l -V esplan -d meanings -a -- words_
    (( files )) && _files
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _esplan "$@"
else
    compdef _esplan esplan
fi
