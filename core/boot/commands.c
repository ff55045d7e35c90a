/* commands.c - the verbs. A verb is named after the room that does the work: "ledger.sums". */
#include "boot/commands.h"

#include "boot/reload.h"
#include "flow/kill.h"
#include "flow/worker.h"
#include "money/ledger.h"
#include "money/ledger_keeper.h"
#include "money/nano.h"

static void put_usd(struct json_writer *w, const char *name, int64_t nano)
{
    char usd[NANO_TEXT];
    json_key_plain(w, text_of(name));
    json_put_str(w, text_of(nano_write(nano, 0, usd)));
}

/* {"verb":"ledger.sums"} -> "held_usd", "doubt_usd", "open" */
static int ledger_sums(void *owner, const struct json *ask, struct json_writer *w, struct fail *fail)
{
    struct ledger_sums sums;
    (void)ask;
    (void)fail;
    ledger_read_sums(owner, &sums);
    put_usd(w, "held_usd", sums.held);
    put_usd(w, "doubt_usd", sums.doubt);
    json_name(w, "open");
    json_put_int(w, (int64_t)sums.open);
    return 0;
}

static int read_resolution(const struct json *ask, struct ledger_resolution *how, struct fail *fail)
{
    static const char *const verdicts[] = { "free", "full", "cost" };
    struct text verdict = json_str(json_member(ask, "verdict"));
    *how = (struct ledger_resolution){ .request = json_str(json_member(ask, "request")),
                                       .who = json_str(json_member(ask, "who")),
                                       .why = json_str(json_member(ask, "why")),
                                       .ended_before_ms = INT64_MAX };
    for (int i = 0; i < 3; i++)
        if (text_is(verdict, verdicts[i])) {
            how->verdict = (enum ledger_verdict)i;
            verdict = TEXT_NONE;
        }
    bool all = json_bool(json_member(ask, "all"), false);
    if (json_str(json_member(ask, "verdict")).ptr == NULL || verdict.ptr != NULL || how->who.ptr == NULL ||
        all == (how->request.ptr != NULL))
        return fail_set(fail, FAIL_CLIENT,
                        "this gateway does not understand the command: the two programs are of different versions");
    if (how->verdict != LEDGER_COST)
        return 0;
    if (how->request.ptr == NULL || nano_parse(json_str(json_member(ask, "cost_usd")), &how->cost) < 0)
        return fail_set(fail, FAIL_CLIENT, "a cost is for one request, in USD");
    return 0;
}

/* {"verb":"ledger.resolve","request":ID or "all":true,"verdict":"free", "full" or "cost","cost_usd":"0.1","who":,"why":}
 * -> "attempts", "cost_usd", "doubt_usd" */
static int ledger_resolve_doubt(void *owner, const struct json *ask, struct json_writer *w, struct fail *fail)
{
    struct ledger_resolution how;
    struct ledger_resolved done;
    if (read_resolution(ask, &how, fail) < 0 || ledger_resolve(owner, &how, &done, fail) < 0)
        return -1;
    json_name(w, "attempts");
    json_put_int(w, (int64_t)done.attempts);
    put_usd(w, "cost_usd", done.cost);
    put_usd(w, "doubt_usd", done.doubt);
    return 0;
}

/* {"verb":"kill.set","kind":"key" or "session","name":,"off":true} -> "changed" */
static int kill_one(void *owner, const struct json *ask, struct json_writer *w, struct fail *fail)
{
    struct text kind = json_str(json_member(ask, "kind"));
    struct gateway *gateway = owner;
    bool changed;
    if (!text_is(kind, "key") && !text_is(kind, "session"))
        return fail_set(fail, FAIL_CLIENT,
                        "this gateway does not understand the command: the two programs are of different versions");
    if (gateway->ledger != NULL && ledger_is_handed_over(gateway->ledger))
        return fail_set(fail, FAIL_OPERATOR, "another process takes the place of this one just now: ask again");
    if (kill_set(gateway->kill, text_is(kind, "key") ? KILL_KEY : KILL_SESSION, json_str(json_member(ask, "name")),
                 json_bool(json_member(ask, "off"), true), &changed, fail) < 0)
        return -1;
    json_name(w, "changed");
    json_put_bool(w, changed);
    return 0;
}

/* {"verb":"config.reload"} -> "accepted", "moved" (another process is about to answer in the place of this one: ask again), "digest" of the configuration in use, "lines" for a person */
static int load_anew(void *owner, const struct json *ask, struct json_writer *w, struct fail *fail)
{
    char digest[2 * CRYPTO_SHA256_LEN + 1];
    struct buf lines;
    (void)ask;
    (void)fail;
    buf_init(&lines, CONTROL_LINE_MOST / 4);
    json_name(w, "accepted");
    bool accepted = reload_run(owner, &lines) == 0;
    json_put_bool(w, accepted);
    json_name(w, "moved");
    json_put_bool(w, !accepted && reload_has_moved(owner));
    reload_digest(owner, digest);
    json_name(w, "digest");
    json_put_str(w, text_of(digest));
    json_name(w, "lines");
    json_array(w);
    for (struct text rest = buf_view(&lines); rest.len > 0;)
        json_put_str(w, text_cut(&rest, '\n'));
    json_close(w);
    buf_free(&lines);
    return 0;
}

/* {"verb":"cache.purge","team":,"model":} or {"verb":"cache.purge","entry":} -> {} */
static int purge_cache(void *owner, const struct json *ask, struct json_writer *w, struct fail *fail)
{
    (void)w;
    return reload_purge(owner, json_str(json_member(ask, "team")), json_str(json_member(ask, "model")),
                        json_str(json_member(ask, "entry")), fail);
}

size_t commands_of(struct gateway *gateway, struct reload *reload, struct control_verb *out)
{
    const struct control_verb all[] = {
        { "ledger.sums", ledger_sums, gateway->ledger },
        { "ledger.resolve", ledger_resolve_doubt, gateway->ledger },
        { "kill.set", kill_one, gateway },
        { "config.reload", load_anew, reload },
        { "cache.purge", purge_cache, reload },
    };
    _Static_assert(sizeof all / sizeof all[0] <= COMMANDS_MOST, "there is room for all");
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof all[0];
}
