/* replay_write.c - what a policy would change: a table, or JSON. */
#include <stdlib.h>

#include "base/json.h"
#include "money/row_write.h"
#include "plugin/call.h"
#include "rehearsal/replay.h"

static int by_count(const void *a, const void *b)
{
    const struct replay_change *x = *(struct replay_change *const *)a, *y = *(struct replay_change *const *)b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : 0;
}

/* The most frequent first; free(). */
static struct replay_change **sorted(const struct map *map)
{
    struct replay_change **list = calloc(map->count + 1, sizeof *list);
    BUG_IF(list == NULL);
    for (size_t i = 0; i < map->count; i++)
        list[i] = map->entries[i].value;
    qsort(list, map->count, sizeof *list, by_count);
    return list;
}

static void put(struct buf *out, struct text t)
{
    row_write_clean(call_str(t), out);
}

static void write_changes(const struct replay *r, struct buf *out)
{
    struct replay_change **list = sorted(&r->changes);
    for (size_t i = 0; i < r->changes.count; i++) {
        const struct replay_change *c = list[i];
        buf_printf(out, "%8u  ", c->count);
        put(out, c->from);
        buf_str(out, " -> ");
        put(out, c->to);
        if (c->reason.len > 0) {
            buf_str(out, "  (");
            put(out, c->reason);
            buf_str(out, ")");
        }
        buf_str(out, "  ");
        for (unsigned k = 0; k < REPLAY_EXAMPLES && c->examples[k].ptr != NULL; k++) {
            buf_str(out, k > 0 ? " " : "");
            put(out, c->examples[k]);
        }
        buf_str(out, "\n");
    }
    free((void *)list);
}

static void write_lacks(const struct replay *r, struct buf *out)
{
    struct replay_change **list = sorted(&r->lacks);
    buf_printf(out, "%8u  not judged", r->unjudged);
    for (size_t i = 0; i < r->lacks.count; i++) {
        buf_str(out, i == 0 ? ": " : ", ");
        put(out, list[i]->to);
        buf_printf(out, " was not recorded (%u)", list[i]->count);
    }
    buf_str(out, "\n");
    free((void *)list);
}

static void write_table(const struct replay *r, struct buf *out)
{
    buf_printf(out, "policy \"%s\" on %u requests", r->policy, r->requests);
    if (r->captured > 0)
        buf_printf(out, ", with the text of %u", r->captured);
    buf_str(out, "\n");
    write_changes(r, out);
    buf_printf(out, "%8u  as it was\n", r->same);
    if (r->elsewhere > 0)
        buf_printf(out, "%8u  refused or answered by another policy\n", r->elsewhere);
    if (r->unjudged > 0)
        write_lacks(r, out);
    if (r->failed > 0) {
        buf_printf(out, "%8u  of them fail: ", r->failed);
        put(out, r->error);
        buf_str(out, "\n");
    }
}

static void write_list(struct json_writer *w, const struct map *map, bool from)
{
    struct replay_change **list = sorted(map);
    json_array(w);
    for (size_t i = 0; i < map->count; i++) {
        json_object(w);
        if (from) {
            json_name(w, "from");
            json_put_str(w, list[i]->from);
        }
        json_key_plain(w, from ? TEXT("to") : TEXT("what"));
        json_put_str(w, list[i]->to);
        if (list[i]->reason.len > 0) {
            json_name(w, "reason");
            json_put_str(w, list[i]->reason);
        }
        json_name(w, "requests");
        json_put_int(w, list[i]->count);
        json_name(w, "examples");
        json_array(w);
        for (unsigned k = 0; k < REPLAY_EXAMPLES && list[i]->examples[k].ptr != NULL; k++)
            json_put_str(w, list[i]->examples[k]);
        json_close(w);
        json_close(w);
    }
    json_close(w);
    free((void *)list);
}

static int write_json(const struct replay *r, struct buf *out)
{
    struct json_writer w;
    const struct {
        struct text name;
        unsigned n;
    } counts[] = { { TEXT("requests"), r->requests },   { TEXT("same"), r->same },
                   { TEXT("elsewhere"), r->elsewhere }, { TEXT("not_judged"), r->unjudged },
                   { TEXT("failed"), r->failed },       { TEXT("captured"), r->captured } };
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "policy");
    json_put_str(&w, text_of(r->policy));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        json_key_plain(&w, counts[i].name);
        json_put_int(&w, counts[i].n);
    }
    json_name(&w, "changes");
    write_list(&w, &r->changes, true);
    json_name(&w, "missing");
    write_list(&w, &r->lacks, false);
    json_close(&w);
    return json_end(&w) < 0 ? -1 : buf_str(out, "\n");
}

int replay_write(const struct replay *r, bool as_json, struct buf *out)
{
    if (as_json)
        return write_json(r, out);
    write_table(r, out);
    return out->failed ? -1 : 0;
}
