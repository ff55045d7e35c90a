/* kill.c - llm-gateway kill: a key or a session is switched off at once. The gateway that runs does it; where none does, the next one
 * finds it done. */
#include "flow/kill.h"
#include "boot/control.h"
#include "cli/cli.h"
#include "cli/ledger_path.h"
#include "cli/record.h"
#include "money/history.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    CLI_OPTION_LEDGER,
    { "undo", 'u', NULL, NULL, "switch it on again" },
    { "list", 'l', NULL, NULL, "show what is switched off" },
    CLI_OPTIONS_END,
};

static void put_line(void *owner, enum kill_kind kind, struct text name)
{
    buf_printf(owner, "%s %.*s\n", kill_kind_name(kind), TEXT_ARG(name));
}

/* As control_ask(). */
static int ask_gateway(const char *path, enum kill_kind kind, const char *name, bool off, bool *changed,
                       struct arena *arena, struct fail *fail)
{
    const struct json *answer;
    struct json_writer w;
    struct buf question;
    buf_init(&question, CONTROL_LINE_MOST);
    json_writer_init(&w, &question);
    json_object(&w);
    json_name(&w, "verb");
    json_put_str(&w, TEXT("kill.set"));
    json_name(&w, "kind");
    json_put_str(&w, text_of(kill_kind_name(kind)));
    json_name(&w, "name");
    json_put_str(&w, text_of(name));
    json_name(&w, "off");
    json_put_bool(&w, off);
    json_close(&w);
    json_end(&w);
    int result = control_ask(path, buf_view(&question), arena, &answer, fail);
    if (result == 0)
        *changed = json_bool(json_member(answer, "changed"), false);
    buf_free(&question);
    return result;
}

struct look {
    struct text session;
    bool found;
};

static bool look_at(void *owner, const struct record *record, struct text bytes)
{
    struct look *look = owner;
    (void)bytes;
    look->found = text_eq(record->session, look->session);
    return !look->found;
}

/* A client may name a session as it likes: one without a request may be a slip, or begin later. */
static void warn_of_unseen(const char *path, const char *session)
{
    struct look look = { .session = text_of(session) };
    struct history_visitor visitor = { .record = look_at, .owner = &look };
    struct history_report report;
    struct fail fail;
    if (history_read(path, &visitor, &report, &fail) == 0 && !look.found)
        cli_say("no request of it is in the ledger: was \"%s\" meant?", session);
}

static int set(const struct ledger_place *place, enum kill_kind kind, const char *name, bool off)
{
    const char *path = place->path;
    struct arena arena;
    struct fail fail;
    bool changed = false;
    arena_init(&arena, NULL, 0, 1 << 20);
    record_change(path, "kill.set", text_of(name),
                  text_of(off ? "off" : "on")); /* where it cannot be written there is a message */
    int result = ask_gateway(path, kind, name, off, &changed, &arena, &fail);
    if (result == CONTROL_NOBODY) {
        struct kill *kill = kill_open(path, &fail);
        if (kill != NULL && place->config != NULL)
            kill_know_keys(kill, place->config);
        result = kill == NULL ? -1 : kill_set(kill, kind, text_of(name), off, &changed, &fail);
        if (kill != NULL)
            kill_close(kill);
    }
    if (result < 0)
        cli_say("%s", fail.text);
    else
        cli_say("the %s \"%s\" %s switched %s", kill_kind_name(kind), name, changed ? "is now" : "was already",
                off ? "off" : "on");
    if (result >= 0 && kind == KILL_SESSION && off)
        warn_of_unseen(path, name);
    arena_fini(&arena);
    return result < 0 ? CLI_FAILED : CLI_OK;
}

static int list(const char *path)
{
    struct fail fail;
    struct buf out;
    struct kill *kill = kill_open(path, &fail);
    if (kill == NULL) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    buf_init(&out, 1 << 20);
    kill_each(kill, put_line, &out);
    kill_close(kill);
    return cli_print(&out);
}

static int run(struct cli *cli)
{
    bool lists = cli_option(cli, "list") != NULL, is_key = cli->arg_count == 2 && strcmp(cli->args[0], "key") == 0;
    if (lists ? cli->arg_count > 0 || cli_option(cli, "undo") != NULL
              : cli->arg_count != 2 || (!is_key && strcmp(cli->args[0], "session") != 0))
        return cli_usage(cli->verb, "kill takes \"key NAME\" or \"session ID\", or --list");
    struct ledger_place place;
    if (!ledger_place_begin(cli, &place))
        return CLI_CONFIG;
    int code = lists ? list(place.path)
                     : set(&place, is_key ? KILL_KEY : KILL_SESSION, cli->args[1], cli_option(cli, "undo") == NULL);
    ledger_place_end(&place);
    return code;
}

const struct cli_verb verb_kill = {
    .name = "kill",
    .summary = "switch a key or a session off at once, and on again",
    .arguments = "key NAME | session ID",
    .notes =
        "What it asks is refused (429 switched_off), and streams that run end at their next event. It stays so, also over a restart, until --undo.\n",
    .options = options,
    .words = "key session",
    .least_args = 0,
    .most_args = 2,
    .run = run,
};
