/* commands.c - the verbs. A verb is named after the room that does the work: "ledger.sums". */
#include "boot/commands.h"

#include "flow/worker.h"
#include "money/ledger.h"
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

size_t commands_of(struct gateway *gateway, struct control_verb *out)
{
    const struct control_verb all[] = {
        { "ledger.sums", ledger_sums, gateway->ledger },
    };
    _Static_assert(sizeof all / sizeof all[0] <= COMMANDS_MOST, "there is room for all");
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof all[0];
}
