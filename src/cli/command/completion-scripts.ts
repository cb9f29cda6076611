/** The words that can be completed, and where. */
export interface Completions {
  /** Options of each command. */
  readonly commands: Readonly<Record<string, readonly string[]>>;
  /** Where no command is given: ours and Claude Code's. */
  readonly options: readonly string[];
  /** Options with a few values. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
  /** Options that take a file or a folder. */
  readonly files: readonly string[];
}

type Script = (words: Completions) => string;

/** A script for each shell. */
export const scripts: Readonly<Record<"bash" | "zsh" | "fish", Script>> = {
  bash: ({ commands, options, choices, files }) =>
    `# Put this into ~/.local/share/bash-completion/completions/anyclaude
_anyclaude() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words="${options.join(" ")}"
  case "\${COMP_WORDS[COMP_CWORD - 1]}" in
${each(choices, (option, values) => `    ${option}) words="${values.join(" ")}" ;;`)}
    ${files.join("|")}) compopt -o filenames 2>/dev/null
      local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$word")); return ;;
    *) case "\${COMP_WORDS[1]}" in
${
      each(commands, (name, own) =>
        `      ${name}) [ "$COMP_CWORD" -gt 1 ] && words="${own.join(" ")} --help" ;;`)
    }
    esac
    [ "$COMP_CWORD" -eq 1 ] && words="${Object.keys(commands).join(" ")} $words" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _anyclaude anyclaude
`,

  zsh: ({ commands, options, choices, files }) =>
    `#compdef anyclaude
# Put this into a folder of your $fpath, under the name _anyclaude
_anyclaude() {
  local -a found
  found=(${options.join(" ")})
  case $words[CURRENT-1] in
${each(choices, (option, values) => `    ${option}) compadd -- ${values.join(" ")}; return ;;`)}
    ${files.join("|")}) _files; return ;;
  esac
  case $words[2] in
${
      each(
        commands,
        (name, own) => `    ${name}) (( CURRENT > 2 )) && found=(${own.join(" ")} --help) ;;`,
      )
    }
  esac
  (( CURRENT == 2 )) && found=(${Object.keys(commands).join(" ")} $found)
  compadd -- $found || _files
}
if [ "$funcstack[1]" = _anyclaude ]; then _anyclaude "$@"; else compdef _anyclaude anyclaude; fi
`,

  fish: ({ commands, options, choices, files }) =>
    `# Put this into ~/.config/fish/completions/anyclaude.fish
set -l commands ${Object.keys(commands).join(" ")}
complete -c anyclaude -n "not __fish_seen_subcommand_from $commands" -a "$commands"
${
      options.map((option) =>
        `complete -c anyclaude -n "not __fish_seen_subcommand_from $commands" -l ${option.slice(2)}`
      ).join("\n")
    }
${
      each(commands, (name, own) =>
        own.map((option) =>
          `complete -c anyclaude -n "__fish_seen_subcommand_from ${name}" -l ${option.slice(2)}`
        ).join("\n"))
    }
${
      each(choices, (option, values) =>
        `complete -c anyclaude -l ${option.slice(2)} -x -a "${values.join(" ")}"`)
    }
${files.map((option) => `complete -c anyclaude -l ${option.slice(2)} -r -F`).join("\n")}
`,
};

function each<Value>(
  all: Readonly<Record<string, Value>>,
  line: (name: string, value: Value) => string,
): string {
  return Object.entries(all).map(([name, value]) => line(name, value)).filter(Boolean).join("\n");
}
