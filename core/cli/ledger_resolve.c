/* ledger_resolve.c - the operator ends doubt. The process that keeps the ledger writes it down: a gateway that runs, or this one. */
#include "cli/ledger_resolve.h"

#include <inttypes.h>
#include <pwd.h>
#include <unistd.h>

#include "boot/control.h"
#include "money/ledger.h"
#include "money/nano.h"

/* What a verdict is called in the question to a gateway. */
static const char *const verdicts[] = { "free", "full", "cost" };

static struct text who_asks(const struct cli *cli, struct arena *arena)
{
    char memory[4096];
    struct passwd user, *found = NULL;
    const char *given = cli_option(cli, "who");
    if (given != NULL)
        return text_of(given);
    if (getpwuid_r(getuid(), &user, memory, sizeof memory, &found) == 0 && found != NULL)
        return arena_text(arena, text_of(user.pw_name));
    return text_of(arena_printf(arena, "uid %u", getuid()));
}

static int read_options(const struct cli *cli, struct arena *arena, struct ledger_resolution *how)
{
    const char *cost = cli_option(cli, "cost");
    bool all = cli_option(cli, "all") != NULL;
    int count = 0;
    *how = (struct ledger_resolution){ .ended_before_ms = INT64_MAX,
                                       .why = TEXT("the operator knows"),
                                       .who = who_asks(cli, arena) };
    for (int i = 0; i < 3; i++)
        if (cli_option(cli, verdicts[i]) != NULL) {
            how->verdict = (enum ledger_verdict)i;
            count++;
        }
    if (count != 1)
        return cli_usage(cli->verb, "resolve takes one of --free, --full and --cost USD");
    if (all == (cli->arg_count > 1))
        return cli_usage(cli->verb, "resolve takes the id of a request, or --all");
    if (cost != NULL && all)
        return cli_usage(cli->verb, "--cost is what one request cost beyond what was counted: name it");
    if (cost != NULL && (nano_parse(text_of(cost), &how->cost) < 0))
        return cli_usage(cli->verb, "--cost takes an amount in USD, as 0.25, not \"%s\"", cost);
    if (cli_option(cli, "why") != NULL)
        how->why = text_of(cli_option(cli, "why"));
    if (!all)
        how->request = text_of(cli->args[1]);
    return CLI_OK;
}

static void put(struct json_writer *w, const char *name, struct text value)
{
    json_key_plain(w, text_of(name));
    json_put_str(w, value);
}

static void write_question(const struct ledger_resolution *how, struct buf *out)
{
    char usd[NANO_TEXT];
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    put(&w, "verb", TEXT("ledger.resolve"));
    put(&w, "verdict", text_of(verdicts[how->verdict]));
    put(&w, "cost_usd", text_of(nano_write(how->cost, 0, usd)));
    put(&w, "who", how->who);
    put(&w, "why", how->why);
    if (how->request.ptr != NULL) {
        put(&w, "request", how->request);
    } else {
        json_name(&w, "all");
        json_put_bool(&w, true);
    }
    json_close(&w);
    json_end(&w);
}

/* As control_ask(). */
static int ask_gateway(const char *path, const struct ledger_resolution *how, struct arena *arena,
                       struct ledger_resolved *done, struct fail *fail)
{
    const struct json *answer;
    struct buf question;
    buf_init(&question, CONTROL_LINE_MOST);
    write_question(how, &question);
    int result = control_ask(path, buf_view(&question), arena, &answer, fail);
    buf_free(&question);
    if (result != 0)
        return result;
    done->attempts = (uint64_t)json_int(json_member(answer, "attempts"), 0);
    if (nano_parse(json_str(json_member(answer, "cost_usd")), &done->cost) == 0 &&
        nano_parse(json_str(json_member(answer, "doubt_usd")), &done->doubt) == 0)
        return 0;
    return fail_set(fail, FAIL_OPERATOR,
                    "the gateway's answer is not understood: the two programs are of different versions");
}

/* No gateway runs. */
static int do_it_here(const char *path, const struct ledger_resolution *how, struct ledger_resolved *done,
                      struct fail *fail)
{
    struct ledger_settings settings = { .folder = path };
    struct ledger_start start;
    if (access(path, F_OK) < 0)
        return fail_set(fail, FAIL_OPERATOR, "there is no ledger in %s", path);
    struct ledger *ledger = ledger_open(&settings, &start, fail);
    if (ledger == NULL)
        return -1;
    int result = ledger_resolve(ledger, how, done, fail);
    ledger_close(ledger);
    return result;
}

int ledger_resolve_verb(const struct cli *cli, const char *path)
{
    struct ledger_resolution how;
    struct ledger_resolved done = { 0 };
    struct arena arena;
    struct fail fail;
    char cost[NANO_TEXT], doubt[NANO_TEXT];
    struct buf out;

    arena_init(&arena, NULL, 0, 4 << 20);
    int code = read_options(cli, &arena, &how);
    if (code == CLI_OK) {
        int result = ask_gateway(path, &how, &arena, &done, &fail);
        if (result == CONTROL_NOBODY)
            result = do_it_here(path, &how, &done, &fail);
        if (result < 0)
            cli_say("%s", fail.text);
        else if (done.attempts == 0)
            cli_say("nothing %s is in doubt", how.request.ptr != NULL ? "of this request" : "here");
        code = result < 0 || (done.attempts == 0 && how.request.ptr != NULL) ? CLI_FAILED : CLI_OK;
    }
    if (code == CLI_OK && done.attempts > 0) {
        buf_init(&out, 4096);
        buf_printf(&out, "%" PRIu64 " attempts: %s USD no longer in doubt, %s USD booked\n", done.attempts,
                   nano_write(done.doubt, 2, doubt), nano_write(done.cost, 2, cost));
        code = cli_print(&out);
    }
    arena_fini(&arena);
    return code;
}

bool ledger_resolve_is_asked(const struct cli *cli)
{
    static const char *const own[] = { "all", "free", "full", "cost", "who", "why" };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (cli_option(cli, own[i]) != NULL)
            return true;
    return false;
}
