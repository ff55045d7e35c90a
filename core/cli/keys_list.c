/* keys_list.c - llm-gateway keys list and show, without any secret. */
#include <string.h>

#include "base/clock.h"
#include "boot/key_json.h"
#include "cli/keys_change.h"

static const char *date_of(int64_t unix_ms, char out[25])
{
    if (unix_ms == 0)
        return "never";
    clock_rfc3339(unix_ms, out);
    return out;
}

static void put_row(const struct config_key *key, struct buf *out)
{
    char expires[25], until[25];
    buf_printf(out, "%-24.*s %-16.*s %-8s %-24s %s", TEXT_ARG(key->name), TEXT_ARG(key->team->name),
               key_json_state(key), date_of(key->expires_unix_ms, expires), key->made ? KEYBOOK_FILE : "gateway.lua");
    if (key->previous_until_unix_ms > clock_unix_ms())
        buf_printf(out, "  (the key before is taken until %s)", date_of(key->previous_until_unix_ms, until));
    buf_str(out, "\n");
}

static int show(const struct cli *cli, const struct config *config, const char *name)
{
    const char *team = cli_option(cli, "team");
    bool as_json = cli_option(cli, "json") != NULL;
    struct json_writer w;
    struct buf out;
    size_t shown = 0;
    buf_init(&out, 256 << 20);
    json_writer_init(&w, &out);
    if (as_json)
        json_array(&w);
    else
        buf_printf(&out, "%-24s %-16s %-8s %-24s %s\n", "NAME", "TEAM", "STATE", "EXPIRES", "FROM");
    for (size_t i = 0; i < config->key_count; i++) {
        const struct config_key *key = &config->keys[i];
        if ((name != NULL && !text_eq(key->name, text_of(name))) ||
            (team != NULL && !text_eq(key->team->name, text_of(team))))
            continue;
        shown++;
        if (as_json)
            key_json_write(key, &w);
        else
            put_row(key, &out);
    }
    if (as_json) {
        json_close(&w);
        buf_str(&out, "\n");
    }
    if (name != NULL && shown == 0) {
        buf_free(&out);
        cli_say("there is no key \"%s\": llm-gateway keys list shows all", name);
        return CLI_FAILED;
    }
    return cli_print(&out);
}

int keys_list(struct cli *cli, const char *name)
{
    struct config *config = cli_load(cli, 0);
    if (config == NULL)
        return CLI_CONFIG;
    int code = show(cli, config, name);
    config_unref(config);
    return code;
}
