# SPDX-License-Identifier: Apache-2.0
# bash completion for lazaret. Subcommands and their options are asked of the
# program itself, so that this file never lags behind.

_lazaret()
{
	local cur=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] &&
		[ "${COMP_WORDS[1]}" = help ]; }; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" \
			--list-commands 2>/dev/null | cut -f 1) help \
			--help --version" -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" \
			"${COMP_WORDS[1]}" --help 2>/dev/null </dev/null |
			grep -oE -- '--[a-z][a-z-]+' | sort -u)" -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _lazaret lazaret
