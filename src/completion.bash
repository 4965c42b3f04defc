# Completes `fairsweep …` and `python -m src.train …` by asking the program itself.
_fairsweep_complete() {
    local typed=${COMP_LINE:0:COMP_POINT} program=("${COMP_WORDS[0]}") choices
    if [[ ${program[0]##*/} == python* ]]; then
        [[ $typed =~ -m[[:space:]]+src\.train[[:space:]](.*) ]] || return
        program+=(-m src.train)
        typed="fairsweep ${BASH_REMATCH[1]}"
    fi
    choices=$(COMP_LINE=$typed COMP_POINT=${#typed} "${program[@]}" -sc query=bash 2>/dev/null)
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "${typed##* }")
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/} # a word goes on after its `=`
complete -o nospace -o default -F _fairsweep_complete fairsweep python python3
