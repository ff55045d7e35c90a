/* help.c - llm-gateway help [VERB]: what the verbs are and what they take. */
#include "cli/cli.h"

static void write_option(const struct cli_option *option, struct buf *out)
{
    struct buf name;
    buf_init(&name, 256);
    if (option->letter != 0)
        buf_printf(&name, "-%c, ", option->letter);
    buf_printf(&name, "--%s", option->name);
    if (option->value != NULL)
        buf_printf(&name, "=%s", option->value);
    buf_printf(out, "  %-24.*s %s", TEXT_ARG(buf_view(&name)), option->help);
    if (option->env != NULL)
        buf_printf(out, " [%s]", option->env);
    buf_str(out, "\n");
    buf_free(&name);
}

static void write_verb(const struct cli_verb *verb, struct buf *out)
{
    buf_printf(out, "llm-gateway %s - %s\n\nUsage: llm-gateway %s%s%s%s\n", verb->name, verb->summary, verb->name,
               verb->options != NULL ? " [OPTION...]" : "", verb->arguments[0] != '\0' ? " " : "", verb->arguments);
    buf_str(out, "\nOptions (a variable in brackets says the same, less strongly):\n");
    for (const struct cli_option *o = verb->options; o != NULL && o->name != NULL; o++)
        write_option(o, out);
    buf_printf(out, "  %-24s %s\n", "-h, --help", "this text");
    if (verb->notes != NULL)
        buf_printf(out, "\n%s", verb->notes);
}

void cli_write_help(const struct cli_verb *verb, struct buf *out)
{
    if (verb != NULL) {
        write_verb(verb, out);
        return;
    }
    buf_str(out, "llm-gateway - one address for every model\n\nUsage: llm-gateway VERB [OPTION...] [ARGUMENT...]\n\n");
    for (size_t i = 0; cli_verbs[i] != NULL; i++)
        buf_printf(out, "  %-12s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    buf_str(out, "\nllm-gateway VERB --help says more. Data goes to stdout, talk to stderr.\n"
                 "Exit codes: 0 ok, 1 failed, 2 usage, 69 no gateway answers, 77 not allowed, 78 bad configuration.\n"
                 "What a flag says wins over the environment, that over gateway.lua, that over the default.\n");
}

static int run(struct cli *cli)
{
    const struct cli_verb *verb = NULL;
    struct buf out;
    if (cli->arg_count > 0 && (verb = cli_need(cli->args[0])) == NULL)
        return CLI_USAGE;
    buf_init(&out, 1 << 20);
    cli_write_help(verb, &out);
    return cli_print(&out);
}

static void write_names(struct buf *out)
{
    for (size_t i = 0; cli_verbs[i] != NULL; i++)
        buf_printf(out, " %s", cli_verbs[i]->name);
}

const struct cli_verb verb_help = {
    .name = "help",
    .summary = "what the verbs are and what they take",
    .arguments = "[VERB]",
    .write_words = write_names,
    .most_args = 1,
    .run = run,
};
