/* cli.c - the table of verbs, and what all of them use. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

const struct cli_verb *const cli_verbs[] = {
    &verb_serve,  &verb_check,   &verb_models,     &verb_providers, &verb_prices, &verb_usage,   &verb_explain,
    &verb_logs,   &verb_top,     &verb_ledger,     &verb_import,    &verb_cache,  &verb_teams,   &verb_keys,
    &verb_admin,  &verb_audit,   &verb_kill,       &verb_reload,    &verb_chat,   &verb_connect, &verb_policy,
    &verb_plugin, &verb_version, &verb_completion, &verb_help,      NULL
};

const struct cli_verb *cli_find(const char *name)
{
    for (size_t i = 0; cli_verbs[i] != NULL; i++)
        if (strcmp(cli_verbs[i]->name, name) == 0)
            return cli_verbs[i];
    return strcmp(verb_plugin_host.name, name) == 0 ? &verb_plugin_host : NULL;
}

const struct cli_verb *cli_need(const char *name)
{
    const char *names[32];
    size_t count = 0;
    const struct cli_verb *verb = cli_find(name);
    if (verb != NULL)
        return verb;
    for (; cli_verbs[count] != NULL; count++)
        names[count] = cli_verbs[count]->name;
    names[count] = NULL;
    const char *nearest = text_nearest(text_of(name), names);
    if (nearest != NULL)
        cli_usage(NULL, "there is no verb \"%s\" (did you mean \"%s\"?)", name, nearest);
    else
        cli_usage(NULL, "there is no verb \"%s\"", name);
    return NULL;
}

void cli_say(const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    fprintf(stderr, "llm-gateway: %s\n", line);
}

int cli_usage(const struct cli_verb *verb, const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    cli_say("%s%s%s", verb != NULL ? verb->name : "", verb != NULL ? ": " : "", line);
    fprintf(stderr, "Try: llm-gateway %s%s--help\n", verb != NULL ? verb->name : "", verb != NULL ? " " : "");
    return CLI_USAGE;
}

int cli_print(struct buf *out)
{
    struct text text = buf_view(out);
    int reason = 0;
    while (text.len > 0 && reason == 0) {
        ssize_t wrote = write(STDOUT_FILENO, text.ptr, text.len);
        if (wrote < 0 && errno != EINTR)
            reason = errno;
        text.ptr += wrote > 0 ? wrote : 0;
        text.len -= wrote > 0 ? (size_t)wrote : 0;
    }
    buf_free(out);
    if (reason == 0)
        return CLI_OK;
    cli_say("cannot write: %s", strerror(reason));
    return CLI_FAILED;
}

static void say_all(struct complaints *complaints)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    complain_write(complaints, &out);
    struct text text = buf_view(&out);
    fprintf(stderr, "%.*s", TEXT_ARG(text));
    buf_free(&out);
}

struct load_options cli_load_options(const struct cli *cli, unsigned how)
{
    const char *file = cli_option(cli, "config");
    if (file == NULL && access("gateway.lua", F_OK) == 0)
        file = "gateway.lua";
    const char *variable = cli_option_from(cli, "listen");
    return (struct load_options){ .file = file,
                                  .listen = cli_option(cli, "listen"),
                                  .listen_from = variable != NULL ? variable : "--listen",
                                  .open_off = (how & CLI_LOAD_OFF) != 0 };
}

struct config *cli_load(const struct cli *cli, unsigned how)
{
    struct load_options options = cli_load_options(cli, how);
    struct load_report report;

    load_report_init(&report, &options);
    struct config *config = load_config(&options, &report);
    bool strict = (how & CLI_LOAD_STRICT) != 0;
    say_all(&report.complaints);
    if (config != NULL && ((how & CLI_LOAD_NOTES) != 0 || strict)) {
        say_all(&report.warnings);
        say_all(&report.notes);
    }
    if (strict && config != NULL && report.warnings.count > 0) {
        cli_say("%zu warnings, and --strict was given", report.warnings.count + report.warnings.more);
        config_unref(config);
        config = NULL;
    }
    load_report_fini(&report);
    return config;
}
