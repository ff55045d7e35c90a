/* book_merge.c - compares two price books and writes what results. */
#include "money/book_merge.h"

#include "base/json.h"
#include "money/cost.h"

enum { TIMES_MOST = 10, DAY_S = 86400 };

/* A book beside the JSON it was read from: the same providers and models in the same order. */
struct side {
    struct book *book;
    struct arena arena;
    const struct json *providers;
};

struct merging {
    struct side older, newer;
    int64_t now_s;
    bool force;
    struct buf *out;
    void (*report)(void *arg, const struct merge_difference *difference);
    void *arg;
};

static int open_side(struct side *side, struct text bytes, const char *name, struct fail *fail)
{
    arena_init(&side->arena, NULL, 0, 256 << 20);
    side->book = book_parse(bytes, name, fail);
    if (side->book == NULL)
        return -1;
    side->providers = json_member(json_parse(&side->arena, bytes, fail), "providers");
    return 0;
}

static void close_side(struct side *side)
{
    book_free(side->book);
    arena_fini(&side->arena);
}

static void report(const struct merging *m, enum merge_kind kind, const struct book_provider *provider,
                   const struct book_model *model, enum unit unit, int64_t from, int64_t to)
{
    m->report(m->arg, &(struct merge_difference){ kind, provider->id, model->id, unit, from, to });
}

/* Is a change from one price to another too large to be believed? -1: there is no price. */
static bool is_doubtful(int64_t from, int64_t to)
{
    if (from < 0)
        return false; /* a new price */
    if (to < 0 || (from == 0) != (to == 0))
        return true;
    return to / 10 > from || (to / 10 == from && to % 10 > 0) || from / 10 > to || (from / 10 == to && from % 10 > 0);
}

static int64_t tier_price(const struct book_price *price, size_t tier)
{
    if (price == NULL)
        return -1;
    return tier == 0 || price->tier_count == 0
               ? price->nano
               : price->tiers[(tier <= price->tier_count ? tier : price->tier_count) - 1].nano;
}

static size_t tiers_of(const struct book_price *price)
{
    return price != NULL ? price->tier_count : 0;
}

/* The first difference of one unit's price, its tiers with it; false: none. */
static bool differs(const struct book_price *older, const struct book_price *newer, int64_t *from, int64_t *to)
{
    size_t tiers = tiers_of(older) > tiers_of(newer) ? tiers_of(older) : tiers_of(newer);

    for (size_t tier = 0; tier <= tiers; tier++) {
        *from = tier_price(older, tier);
        *to = tier_price(newer, tier);
        if (*from != *to)
            return true;
    }
    return false;
}

/* Compares two lists; with `kind` reports what differs, and without (MERGE_KINDS) only looks for what is doubtful. */
static bool compare_lists(const struct merging *m, const struct book_provider *provider, const struct book_model *model,
                          const struct price_list *older, const struct price_list *newer, enum merge_kind kind)
{
    bool doubtful = false;
    int64_t from, to;

    for (enum unit unit = 0; unit < UNITS; unit++) {
        if (!differs(older->of[unit], newer->of[unit], &from, &to))
            continue;
        if (kind == MERGE_CHANGED || (kind == MERGE_HELD && is_doubtful(from, to)))
            report(m, kind, provider, model, unit, from, to);
        doubtful = doubtful || is_doubtful(from, to);
    }
    return doubtful;
}

/* Now, and each later day on which the newer model's prices change. */
static size_t times_of(const struct book_model *model, int64_t now_s, int64_t times[TIMES_MOST])
{
    size_t count = 0;

    times[count++] = now_s;
    for (size_t i = 0; i < model->entry_count + model->variant_count && count < TIMES_MOST; i++) {
        const struct book_entry *entry =
            i < model->entry_count ? &model->entries[i] : &model->variants[i - model->entry_count];
        if (entry->from_s > now_s)
            times[count++] = entry->from_s;
    }
    return count;
}

/* Compares with no variant (index 0) and with each of the newer model's and the older model's own. */
static bool compare_at(const struct merging *m, const struct book_provider *provider, const struct book_model *older,
                       const struct book_model *newer, int64_t at, enum merge_kind kind)
{
    bool doubtful = false;

    for (size_t i = 0; i <= newer->variant_count + older->variant_count; i++) {
        const struct book_entry *variant = i == 0                      ? NULL
                                           : i <= newer->variant_count ? &newer->variants[i - 1]
                                                                       : &older->variants[i - 1 - newer->variant_count];
        struct price_context context = { TEXT_NONE, TEXT_NONE };
        struct price_list before, after;

        if (variant != NULL)
            context = (struct price_context){ variant->when, variant->value };
        price_list_at(older, m->now_s, &context, variant != NULL, &before);
        price_list_at(newer, at, &context, variant != NULL, &after);
        bool is_list_price = i == 0 && at == m->now_s;
        doubtful = compare_lists(m, provider, newer, &before, &after,
                                 kind == MERGE_CHANGED && !is_list_price ? MERGE_KINDS : kind) ||
                   doubtful;
    }
    return doubtful;
}

static bool compare(const struct merging *m, const struct book_provider *provider, const struct book_model *older,
                    const struct book_model *newer, enum merge_kind kind)
{
    int64_t times[TIMES_MOST];
    size_t count = times_of(newer, m->now_s, times);
    bool doubtful = false;

    for (size_t i = 0; i < count && !(doubtful && kind == MERGE_HELD); i++)
        doubtful = compare_at(m, provider, older, newer, times[i], kind) || doubtful;
    return doubtful;
}

static size_t find_provider(const struct book *book, struct text id)
{
    size_t i = 0;

    while (i < book->provider_count && !text_eq(book->providers[i].id, id))
        i++;
    return i;
}

static size_t find_model(const struct book_provider *provider, struct text id)
{
    size_t i = 0;

    while (provider != NULL && i < provider->model_count && !text_eq(provider->models[i].id, id))
        i++;
    return i;
}

static void put_model(const struct merging *m, const struct side *side, size_t provider, size_t model, bool first)
{
    const struct json *models = json_member(json_at(side->providers, provider), "models");

    buf_printf(m->out, "%s%.*s", first ? "" : ",\n", TEXT_ARG(json_text(json_at(models, model))));
}

/* One model of the newer book: written, or the older one in its place. */
static void merge_model(const struct merging *m, size_t provider, size_t model, size_t older, size_t old_model)
{
    const struct book_provider *p = &m->newer.book->providers[provider];
    const struct book_provider *before =
        older < m->older.book->provider_count ? &m->older.book->providers[older] : NULL;
    const struct book_model *new_model = &p->models[model];

    if (before == NULL || old_model == before->model_count) {
        report(m, MERGE_NEW, p, new_model, UNITS, -1, -1);
        put_model(m, &m->newer, provider, model, model == 0);
        return;
    }
    if (!m->force && compare(m, p, &before->models[old_model], new_model, MERGE_KINDS)) {
        compare(m, p, &before->models[old_model], new_model, MERGE_HELD);
        put_model(m, &m->older, older, old_model, model == 0);
        return;
    }
    compare(m, p, &before->models[old_model], new_model, MERGE_CHANGED);
    put_model(m, &m->newer, provider, model, model == 0);
}

/* Everything of a provider's object but its models. */
static void put_head(const struct merging *m, const struct json *provider)
{
    struct json_writer w;
    struct buf head;

    buf_init(&head, 1 << 20);
    json_writer_init(&w, &head);
    json_object(&w);
    for (size_t i = 0; i < json_count(provider); i++) {
        if (text_is(json_key_at(provider, i), "models"))
            continue;
        json_key(&w, json_key_at(provider, i));
        json_put_json(&w, json_at(provider, i));
    }
    json_close(&w);
    json_end(&w);
    struct text text = buf_view(&head);
    buf_printf(m->out, "%.*s,\"models\":[\n", (int)text.len - 1, text.ptr);
    buf_free(&head);
}

static void keep_models(const struct merging *m, size_t older, const struct book_provider *newer, bool first)
{
    const struct book_provider *p = &m->older.book->providers[older];

    for (size_t i = 0; i < p->model_count; i++) {
        if (newer != NULL && find_model(newer, p->models[i].id) < newer->model_count)
            continue;
        report(m, MERGE_KEPT, p, &p->models[i], UNITS, -1, -1);
        put_model(m, &m->older, older, i, first);
        first = false;
    }
}

static void merge_all(const struct merging *m)
{
    const struct book *older = m->older.book, *newer = m->newer.book;
    bool first = true;

    buf_printf(m->out, "{\"format\":1,\"date\":\"%.*s\",\"providers\":[\n", TEXT_ARG(newer->date));
    for (size_t i = 0; i < newer->provider_count; i++, first = false) {
        const struct book_provider *p = &newer->providers[i];
        size_t before = find_provider(older, p->id);

        buf_str(m->out, first ? "" : ",\n");
        put_head(m, json_at(m->newer.providers, i));
        for (size_t j = 0; j < p->model_count; j++)
            merge_model(m, i, j, before,
                        before < older->provider_count ? find_model(&older->providers[before], p->models[j].id) : 0);
        if (before < older->provider_count)
            keep_models(m, before, p, p->model_count == 0);
        buf_str(m->out, "]}");
    }
    for (size_t i = 0; i < older->provider_count; i++) {
        if (find_provider(newer, older->providers[i].id) < newer->provider_count)
            continue;
        buf_str(m->out, first ? "" : ",\n");
        first = false;
        put_head(m, json_at(m->older.providers, i));
        keep_models(m, i, NULL, true);
        buf_str(m->out, "]}");
    }
    buf_str(m->out, "\n]}\n");
}

/* A file that is kept for months is easily taken for the newest. One from the future would make all that follow old. */
static int check_dates(const struct merging *m, struct fail *fail)
{
    const struct book *older = m->older.book, *newer = m->newer.book;
    if (newer->date_s == INT64_MIN)
        return fail_set(fail, FAIL_OPERATOR, "price book to be taken: it has no `date`: \"2026-10-14\"");
    if (!m->force && newer->date_s < older->date_s)
        return fail_set(
            fail, FAIL_OPERATOR,
            "price book to be taken: it is of %.*s, and the one in use of %.*s: --force takes it all the same",
            TEXT_ARG(newer->date), TEXT_ARG(older->date));
    if (!m->force && newer->date_s > m->now_s + DAY_S)
        return fail_set(fail, FAIL_OPERATOR,
                        "price book to be taken: it is of %.*s, a day to come: --force takes it all the same",
                        TEXT_ARG(newer->date));
    return 0;
}

int book_merge(struct text older, struct text newer, int64_t now_s, bool force, struct buf *out,
               void (*report_to)(void *arg, const struct merge_difference *difference), void *arg, struct fail *fail)
{
    struct merging m = { .now_s = now_s, .force = force, .out = out, .report = report_to, .arg = arg };
    int opened = open_side(&m.older, older, "in use", fail);

    if (opened == 0) {
        opened = open_side(&m.newer, newer, "to be taken", fail) < 0 ? -1 : check_dates(&m, fail);
        if (opened == 0)
            merge_all(&m);
        close_side(&m.newer);
    }
    close_side(&m.older);
    if (opened == 0 && buf_view(out).len == out->max)
        return fail_set(fail, FAIL_OPERATOR, "the price book would be larger than %zu bytes", out->max);
    return opened;
}
