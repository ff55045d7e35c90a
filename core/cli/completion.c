/* completion.c - llm-gateway completion bash|zsh|fish: written from the table of verbs. */
#include <string.h>

#include "cli/cli.h"

/* Each with a blank before it. */
static void write_arguments(const struct cli_verb *verb, struct buf *out)
{
    if (verb->words != NULL)
        buf_printf(out, " %s", verb->words);
    if (verb->write_words != NULL)
        verb->write_words(out);
}

static void write_words(const struct cli_verb *verb, struct buf *out)
{
    buf_str(out, "--help");
    for (const struct cli_option *o = verb->options; o != NULL && o->name != NULL; o++)
        buf_printf(out, " --%s", o->name);
    write_arguments(verb, out);
}

static void write_verbs(struct buf *out)
{
    for (size_t i = 0; cli_verbs[i] != NULL; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : " ", cli_verbs[i]->name);
}

static void write_bash(struct buf *out)
{
    buf_str(out, "# bash completion of llm-gateway: source <(llm-gateway completion bash)\n"
                 "_llm_gateway() {\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
                 "    case ${COMP_WORDS[COMP_CWORD-1]} in\n"
                 "        -c|--config) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
                 "    esac\n"
                 "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                 "        words='");
    write_verbs(out);
    buf_str(out, "'\n    else\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        buf_printf(out, "            %s) words='", cli_verbs[i]->name);
        write_words(cli_verbs[i], out);
        buf_str(out, "' ;;\n");
    }
    buf_str(out, "        esac\n"
                 "    fi\n"
                 "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                 "}\n"
                 "complete -o default -F _llm_gateway llm-gateway\n");
}

/* 'it''s' inside single quotes, for zsh and fish. */
static void write_quoted(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_str(out, "'\\''");
        else if (*text == '[' || *text == ']' || *text == ':')
            buf_str(out, " ");
        else
            buf_append(out, text, 1);
    }
}

static void write_zsh(struct buf *out)
{
    buf_str(out, "#compdef llm-gateway\n"
                 "# zsh completion of llm-gateway: llm-gateway completion zsh > \"${fpath[1]}/_llm-gateway\"\n"
                 "_llm_gateway() {\n"
                 "    if (( CURRENT == 2 )); then\n"
                 "        local -a verbs=(\n");
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        buf_printf(out, "            '%s:", cli_verbs[i]->name);
        write_quoted(cli_verbs[i]->summary, out);
        buf_str(out, "'\n");
    }
    buf_str(out, "        )\n        _describe verb verbs\n        return\n    fi\n    case $words[2] in\n");
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        const struct cli_verb *verb = cli_verbs[i];
        buf_printf(out, "        %s) _arguments '--help[this text]'", verb->name);
        for (const struct cli_option *o = verb->options; o != NULL && o->name != NULL; o++) {
            buf_printf(out, " '--%s%s[", o->name, o->value != NULL ? "=" : "");
            write_quoted(o->help, out);
            buf_printf(out, "]%s%s%s'", o->value != NULL ? ":" : "", o->value != NULL ? o->value : "",
                       o->value == NULL                ? ""
                       : strcmp(o->value, "FILE") == 0 ? ":_files"
                                                       : ": ");
        }
        if (verb->words != NULL || verb->write_words != NULL) {
            buf_str(out, " '2:what:(");
            write_arguments(verb, out);
            buf_str(out, ")'");
        }
        buf_str(out, " '*:argument:_files' ;;\n");
    }
    buf_str(out, "    esac\n}\n_llm_gateway \"$@\"\n");
}

static void write_fish(struct buf *out)
{
    buf_str(out, "# fish completion of llm-gateway: llm-gateway completion fish | source\n"
                 "complete -c llm-gateway -f\n");
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        const struct cli_verb *verb = cli_verbs[i];
        buf_printf(out, "complete -c llm-gateway -n __fish_use_subcommand -a %s -d '", verb->name);
        write_quoted(verb->summary, out);
        buf_str(out, "'\n");
        for (const struct cli_option *o = verb->options; o != NULL && o->name != NULL; o++) {
            buf_printf(out, "complete -c llm-gateway -n '__fish_seen_subcommand_from %s' -l %s%s -d '", verb->name,
                       o->name,
                       o->value == NULL                ? ""
                       : strcmp(o->value, "FILE") == 0 ? " -r -F"
                                                       : " -x");
            write_quoted(o->help, out);
            buf_str(out, "'\n");
        }
        if (verb->words != NULL || verb->write_words != NULL) {
            buf_printf(out, "complete -c llm-gateway -n '__fish_seen_subcommand_from %s' -a '", verb->name);
            write_arguments(verb, out);
            buf_str(out, "'\n");
        }
    }
}

static int run(struct cli *cli)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    if (strcmp(cli->args[0], "bash") == 0)
        write_bash(&out);
    else if (strcmp(cli->args[0], "zsh") == 0)
        write_zsh(&out);
    else if (strcmp(cli->args[0], "fish") == 0)
        write_fish(&out);
    else
        return cli_usage(cli->verb, "it takes bash, zsh or fish, not \"%s\"", cli->args[0]);
    return cli_print(&out);
}

const struct cli_verb verb_completion = {
    .name = "completion",
    .summary = "print what makes a shell complete these verbs",
    .arguments = "bash|zsh|fish",
    .words = "bash zsh fish",
    .least_args = 1,
    .most_args = 1,
    .run = run,
};
