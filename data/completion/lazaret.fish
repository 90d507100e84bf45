# SPDX-License-Identifier: Apache-2.0
# fish completion for lazaret. Subcommands and their options are asked of the
# program itself, so that this file never lags behind.

function __lazaret_options
    set -l words (commandline -opc)
    $words[1] $words[2] --help 2>/dev/null </dev/null |
        grep -oE -- '--[a-z][a-z-]+' | sort -u
end

complete -c lazaret -n __fish_use_subcommand -f -a '(lazaret --list-commands)'
complete -c lazaret -n __fish_use_subcommand -f -l help -d 'List subcommands'
complete -c lazaret -n __fish_use_subcommand -f -l version -d 'Print the version'
complete -c lazaret -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__lazaret_options)'
