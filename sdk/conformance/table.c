/* table.c - the capability table of a provider: is each row sound, and does one stand for all that build() drops? */
#include <string.h>

#include "kit.h"

enum { ROWS_MOST = 1000 };

static bool is_sound(const gw_capability *row)
{
    bool dropped = row->how == GW_FIELD_DROPPED || row->how == GW_FIELD_REFUSED;
    return row->how >= GW_FIELD_CARRIED && row->how <= GW_FIELD_REFUSED &&
           (row->as != NULL) == (row->how == GW_FIELD_TRANSLATED) && (row->why != NULL) == dropped;
}

/* "*" is about any member, "messages.*" about any below: "messages.content.foo". */
static bool is_about(const gw_capability *row, const struct call_dropped *dropped)
{
    struct text field = text_of(row->field), above = { field.ptr, field.len - 1 };
    bool is_any = text_is(field, "*") || (text_ends(field, TEXT(".*")) && text_starts(dropped->member, above));
    return row->how == GW_FIELD_DROPPED && text_is(dropped->why, row->why) &&
           (is_any || text_eq(dropped->member, field));
}

void table_check(struct kit_case *c, const gw_request *request, const struct gw_call *call)
{
    const struct plugin *plugin = c->kit->plugin;
    struct text model = call_text(request->model), url = call_text(request->base_url);
    gw_capability row;
    struct fail fail;
    uint32_t count = 0;
    int more;

    if (plugin->provider.capability == NULL || request->operation != GW_OP_CHAT)
        return;
    for (; (more = plugin_capability(plugin, c->instance, model, url, count, &row, &fail)) != 0 && count < ROWS_MOST;
         count++) {
        if (more < 0 || !is_sound(&row)) {
            case_fail(c, "row %u of its capability table is not sound%s%s", count, more < 0 ? ": " : "",
                      more < 0 ? fail.text : "");
            return;
        }
    }
    if (count == ROWS_MOST)
        case_fail(c, "its capability table does not end");
    for (const struct call_dropped *d = call->dropped; d != NULL && count < ROWS_MOST; d = d->next) {
        uint32_t i = 0;
        while (i < count && plugin_capability(plugin, c->instance, model, url, i, &row, &fail) > 0 &&
               !is_about(&row, d))
            i++;
        if (i == count)
            case_fail(c, "it drops %.*s (%.*s), which no row of its capability table says", TEXT_ARG(d->member),
                      TEXT_ARG(d->why));
    }
}
