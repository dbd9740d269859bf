# fish completion for esplan. Once: esplan completion fish > ~/.config/fish/completions/esplan.fish

function __esplan_complete
    set -l typed (commandline -cp)
    for line in (esplan __complete "$typed" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':'
            case '*'
                echo $line
        end
    end
end

complete --command esplan --no-files --keep-order --arguments '(__esplan_complete)'
