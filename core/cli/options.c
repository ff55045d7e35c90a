/* options.c - reads a verb's arguments with getopt_long, from its table. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

enum { HELP = 1000, FIRST = 1001 };

static size_t option_count(const struct cli_verb *verb)
{
    size_t count = 0;
    while (verb->options != NULL && verb->options[count].name != NULL)
        count++;
    return count;
}

/* getopt's tables for this verb: long options are FIRST and on, short ones their letter. */
static void fill_tables(const struct cli_verb *verb, struct option *longs, char *shorts)
{
    size_t at = 0, count = option_count(verb);
    shorts[at++] = ':'; /* a missing value is ':', not '?' */
    shorts[at++] = 'h';
    for (size_t i = 0; i < count; i++) {
        const struct cli_option *o = &verb->options[i];
        longs[i] = (struct option){ o->name, o->value != NULL ? required_argument : no_argument, NULL, FIRST + (int)i };
        if (o->letter == 0)
            continue;
        shorts[at++] = o->letter;
        if (o->value != NULL)
            shorts[at++] = ':';
    }
    longs[count] = (struct option){ "help", no_argument, NULL, HELP };
    longs[count + 1] = (struct option){ NULL, 0, NULL, 0 };
    shorts[at] = '\0';
}

static int place_of(const struct cli_verb *verb, int answer)
{
    if (answer >= FIRST)
        return answer - FIRST;
    for (size_t i = 0; i < option_count(verb); i++)
        if (verb->options[i].letter == answer)
            return (int)i;
    return -1;
}

static int unknown_option(const struct cli_verb *verb, const char *said)
{
    const char *names[CLI_OPTIONS_MAX + 2];
    size_t count = option_count(verb);
    for (size_t i = 0; i < count; i++)
        names[i] = verb->options[i].name;
    names[count] = "help";
    names[count + 1] = NULL;
    struct text rest = text_of(said), name;
    while (text_starts(rest, TEXT("-")))
        rest = (struct text){ rest.ptr + 1, rest.len - 1 };
    name = text_cut(&rest, '='); /* what follows is a value, perhaps a key */
    const char *nearest = text_nearest(name, names);
    if (nearest != NULL)
        return cli_usage(verb, "unknown option --%.*s (did you mean --%s?)", TEXT_ARG(name), nearest);
    return cli_usage(verb, "unknown option --%.*s", TEXT_ARG(name));
}

/* A variable counts only where the command line set nothing. */
static void fill_from_env(struct cli *cli)
{
    for (size_t i = 0; i < option_count(cli->verb); i++) {
        const struct cli_option *o = &cli->verb->options[i];
        const char *value = o->env != NULL && cli->values[i] == NULL ? getenv(o->env) : NULL;
        if (value == NULL || value[0] == '\0')
            continue;
        cli->values[i] = value;
        cli->from_env[i] = true;
    }
}

static int check_count(struct cli *cli)
{
    const struct cli_verb *verb = cli->verb;
    if (cli->arg_count < verb->least_args)
        return cli_usage(verb, "it takes %s", verb->arguments);
    if (verb->most_args >= 0 && cli->arg_count > verb->most_args)
        return cli_usage(verb, "unexpected argument \"%s\"", cli->args[verb->most_args]);
    return CLI_OK;
}

int cli_parse(struct cli *cli, const struct cli_verb *verb, int argc, char **argv)
{
    struct option longs[CLI_OPTIONS_MAX + 2];
    char shorts[2 * CLI_OPTIONS_MAX + 3];
    int answer;

    *cli = (struct cli){ .verb = verb };
    fill_tables(verb, longs, shorts);
    opterr = 0;
    optind = 0; /* glibc: begin anew */
    for (;;) {
        answer = getopt_long(argc, argv, shorts, longs, NULL);
        if (answer < 0)
            break;
        if (answer == '?' && optopt >= FIRST)
            return cli_usage(verb, "--%s takes no value", verb->options[optopt - FIRST].name);
        if (answer == '?' && optopt == HELP)
            return cli_usage(verb, "--help takes no value");
        if (answer == '?' && optopt != 0)
            return cli_usage(verb, "unknown option -%c", optopt);
        if (answer == '?')
            return unknown_option(verb, argv[optind - 1]);
        if (answer == ':')
            return cli_usage(verb, "--%s takes a value: %s", verb->options[place_of(verb, optopt)].name,
                             verb->options[place_of(verb, optopt)].value);
        if (answer == 'h' || answer == HELP) {
            struct buf out;
            buf_init(&out, 1 << 20);
            cli_write_help(verb, &out);
            return cli_print(&out) == CLI_OK ? -1 : CLI_FAILED;
        }
        int place = place_of(verb, answer);
        cli->values[place] = verb->options[place].value != NULL ? optarg : "";
    }
    cli->args = argv + optind;
    cli->arg_count = argc - optind;
    fill_from_env(cli);
    return check_count(cli);
}

const char *cli_option(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < option_count(cli->verb); i++)
        if (strcmp(cli->verb->options[i].name, name) == 0)
            return cli->values[i];
    return NULL;
}

void cli_set(struct cli *cli, const char *name, const char *value)
{
    for (size_t i = 0; i < option_count(cli->verb); i++)
        if (strcmp(cli->verb->options[i].name, name) == 0) {
            cli->values[i] = value;
            cli->from_env[i] = false;
        }
}

const char *cli_option_from(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < option_count(cli->verb); i++)
        if (strcmp(cli->verb->options[i].name, name) == 0 && cli->from_env[i])
            return cli->verb->options[i].env;
    return NULL;
}
