/* policy_replay.c - llm-gateway policy replay: what a policy would have decided on the requests of the ledger. */
#include "cli/ledger_path.h"

#include "cli/policy_replay.h"

#include "base/clock.h"
#include "cli/time_option.h"
#include "rehearsal/replay.h"

enum { DAYS = 7, DAY_MS = 86400000 };

static int show(const struct cli *cli, const struct replay *r)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    if (replay_write(r, cli_option(cli, "json") != NULL, &out) < 0) {
        buf_free(&out);
        cli_say("it does not fit into memory");
        return CLI_FAILED;
    }
    int code = cli_print(&out);
    return r->failed > 0 ? CLI_FAILED : code;
}

static int try(const struct cli *cli, const struct config *config, const char *file, const struct replay_of *of)
{
    const struct past *past = of->past;
    struct replay r;
    struct fail fail;
    int code = CLI_FAILED;
    if (replay_run(&r, config, file, cli_option(cli, "as"), of, &fail) < 0)
        cli_say("%s", fail.text);
    else
        code = show(cli, &r);
    replay_fini(&r);
    if (past->problems > 0)
        cli_say("the journal is damaged in %llu places, and what stood there was not tried: llm-gateway ledger verify",
                (unsigned long long)past->problems);
    return code;
}

int policy_replay(struct cli *cli, const char *file)
{
    struct ledger_place place;
    struct past past;
    struct find find;
    struct fail fail, ignored;
    int64_t since_ms = clock_unix_ms() - (int64_t)DAYS * DAY_MS;
    json_start();
    int code = time_option(cli, "since", NULL, &since_ms);
    if (code != CLI_OK)
        return code;
    struct config *config = cli_option(cli, "path") != NULL ? cli_load(cli, 0) : NULL;
    if ((cli_option(cli, "path") != NULL && config == NULL) || !ledger_place_begin(cli, &place)) {
        config_unref(config);
        return CLI_CONFIG;
    }
    code = CLI_FAILED;
    bool found = find_open(&find, place.path, since_ms, &fail) == 0;
    if (past_read(place.path, ledger_place_store(&place), &past, found ? &fail : &ignored) < 0 || !found)
        cli_say("%s", fail.text);
    else
        code = try(cli, config != NULL ? config : place.config, file,
                   &(struct replay_of){ .past = &past, .find = &find, .since_ms = since_ms });
    if (find.damaged > 0)
        cli_say("of %u files of captures the end cannot be read: they are damaged", find.damaged);
    find_fini(&find);
    past_fini(&past);
    ledger_place_end(&place);
    config_unref(config);
    return code;
}
