/* book_read.c - reads a price book from its JSON. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "money/book.h"
#include "money/book_inside.h"
#include "money/nano.h"
#include "money/rule.h"

enum { FILE_MOST = 16 << 20, ARENA_MOST = 256 << 20, DAY_S = 86400, FORMAT = 1 };

/* What is being read, for messages. */
struct reading {
    struct arena *arena;
    struct fail *fail;
    const char *file;
    struct text provider, model;
};

static int refuse(const struct reading *r, const char *what)
{
    return fail_set(r->fail, FAIL_OPERATOR, "price book %s: %.*s%s%.*s: %s", r->file, TEXT_ARG(r->provider),
                    r->model.len > 0 ? "/" : "", TEXT_ARG(r->model), what);
}

/* Reads two digits at `at`, at most `most`; -1 when they are none. */
static int two_digits(const char *at, int most)
{
    int value = (at[0] - '0') * 10 + (at[1] - '0');
    bool are_digits = at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9';

    return are_digits && value <= most ? value : -1;
}

/* Days from 1970-01-01, proleptic Gregorian (Howard Hinnant's days_from_civil). */
static int64_t days(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_day(int64_t year, int month, int day)
{
    int64_t next = month == 12 ? days(year + 1, 1, 1) : days(year, month + 1, 1);
    return month >= 1 && day >= 1 && day <= next - days(year, month, 1);
}

/* "2026-10-14" -> the second at which that UTC day begins. */
static int parse_day(struct text t, int64_t *second)
{
    int64_t year;
    int month, day;

    if (t.len != 10 || t.ptr[4] != '-' || t.ptr[7] != '-' || text_parse_u63((struct text){ t.ptr, 4 }, &year) != 0)
        return -1;
    month = two_digits(t.ptr + 5, 12);
    day = two_digits(t.ptr + 8, 31);
    if (!is_day(year, month, day))
        return -1;
    *second = days(year, month, day) * DAY_S;
    return 0;
}

/* "16:30" -> seconds of the day. */
static int parse_clock(struct text t, int32_t *second)
{
    int hour, minute;

    if (t.len != 5 || t.ptr[2] != ':' || (hour = two_digits(t.ptr, 23)) < 0 || (minute = two_digits(t.ptr + 3, 59)) < 0)
        return -1;
    *second = hour * 3600 + minute * 60;
    return 0;
}

static int read_tiers(const struct reading *r, struct book_price *price, const struct json *written)
{
    size_t count = json_count(written) - 1;
    struct book_tier *tiers = arena_array(r->arena, struct book_tier, count);

    for (size_t i = 0; i < count; i++) {
        const struct json *tier = json_at(written, i + 1);
        tiers[i].above = json_int(json_at(tier, 0), -1);
        if (json_count(tier) != 2 || tiers[i].above < (i == 0 ? 0 : tiers[i - 1].above + 1) ||
            nano_parse(json_text(json_at(tier, 1)), &tiers[i].nano) != 0)
            return refuse(r, "a tier is [tokens, price], tokens rising");
    }
    price->tiers = tiers;
    price->tier_count = count;
    return 0;
}

static int read_price(const struct reading *r, struct book_price *price, struct text name, const struct json *written)
{
    bool has_tiers = json_type(written) == JSON_T_ARRAY;

    price->unit = unit_find(name);
    if (price->unit == UNITS)
        return refuse(r, "there is no unit of that name");
    if (nano_parse(json_text(has_tiers ? json_at(written, 0) : written), &price->nano) != 0)
        return refuse(r, "a price is a number of dollars, not negative, with at most 9 digits after the point");
    return has_tiers ? read_tiers(r, price, written) : 0;
}

static int read_when(const struct reading *r, struct book_entry *entry, const struct json *written)
{
    const struct json *when = json_member(written, "when");

    if (json_count(when) != 1 || json_type(json_at(when, 0)) != JSON_T_STR)
        return refuse(r, "a variant has `when` with one member, a text");
    entry->when = arena_text(r->arena, json_key_at(when, 0));
    entry->value = arena_text(r->arena, json_str(json_at(when, 0)));
    return 0;
}

static int read_entry(const struct reading *r, struct book_entry *entry, const struct json *written)
{
    const struct json *from = json_member(written, "from"), *between = json_member(written, "between");
    const struct json *usd = json_member(written, "usd");
    size_t count = json_count(usd);
    struct book_price *prices = arena_array(r->arena, struct book_price, count);

    entry->from_s = INT64_MIN;
    entry->begin_s = -1;
    if (from != NULL && parse_day(json_str(from), &entry->from_s) != 0)
        return refuse(r, "`from` is a day: \"2026-10-14\"");
    if (between != NULL && (parse_clock(json_str(json_at(between, 0)), &entry->begin_s) != 0 ||
                            parse_clock(json_str(json_at(between, 1)), &entry->end_s) != 0))
        return refuse(r, "`between` is two times of the UTC day: [\"16:30\", \"00:30\"]");
    if (json_type(usd) != JSON_T_OBJECT)
        return refuse(r, "a price has no `usd`");
    for (size_t i = 0; i < count; i++)
        if (read_price(r, &prices[i], json_key_at(usd, i), json_at(usd, i)) != 0)
            return -1;
    entry->prices = prices;
    entry->price_count = count;
    return 0;
}

static int read_entries(const struct reading *r, const struct json *written, bool variants,
                        const struct book_entry **out, size_t *count)
{
    struct book_entry *entries = arena_array(r->arena, struct book_entry, json_count(written));

    for (*count = 0; *count < json_count(written); ++*count) {
        const struct json *one = json_at(written, *count);
        if ((variants && read_when(r, &entries[*count], one) != 0) || read_entry(r, &entries[*count], one) != 0)
            return -1;
    }
    *out = entries;
    return 0;
}

static int read_model(struct reading *r, struct book_model *model, const struct json *written)
{
    const struct json *match = json_member(written, "match");
    struct book_rule *rules = arena_array(r->arena, struct book_rule, json_count(match));

    model->id = arena_text(r->arena, json_str(json_member(written, "id")));
    r->model = model->id;
    if (model->id.len == 0 || json_type(match) != JSON_T_ARRAY || json_count(match) == 0)
        return refuse(r, "a model has an `id` and a list `match`");
    for (; model->rule_count < json_count(match); model->rule_count++) {
        struct fail why = { .kind = FAIL_NONE };
        if (rule_parse(&rules[model->rule_count], json_at(match, model->rule_count), r->arena, &why) != 0)
            return refuse(r, why.text);
    }
    model->rules = rules;
    model->window = json_int(json_member(written, "window"), 0);
    model->max_output = json_int(json_member(written, "max_output"), 0);
    if (read_entries(r, json_member(written, "prices"), false, &model->entries, &model->entry_count) != 0 ||
        read_entries(r, json_member(written, "variants"), true, &model->variants, &model->variant_count) != 0)
        return -1;
    return model->entry_count > 0 ? 0 : refuse(r, "a model has a list `prices`");
}

static const struct text *read_texts(const struct reading *r, const struct json *written, size_t *count)
{
    struct text *texts = arena_array(r->arena, struct text, json_count(written));

    for (*count = 0; *count < json_count(written); ++*count)
        texts[*count] = arena_text(r->arena, json_str(json_at(written, *count)));
    return texts;
}

static int read_provider(struct reading *r, struct book_provider *provider, const struct json *written)
{
    const struct json *models = json_member(written, "models");
    struct book_model *made = arena_array(r->arena, struct book_model, json_count(models));

    provider->id = arena_text(r->arena, json_str(json_member(written, "id")));
    r->provider = provider->id;
    r->model = TEXT_NONE;
    provider->names = read_texts(r, json_member(written, "names"), &provider->name_count);
    provider->others = read_texts(r, json_member(written, "else"), &provider->other_count);
    if (provider->id.len == 0 || provider->name_count == 0 || json_type(models) != JSON_T_ARRAY)
        return refuse(r, "a provider has an `id`, a list `names` and a list `models`");
    for (; provider->model_count < json_count(models); provider->model_count++)
        if (read_model(r, &made[provider->model_count], json_at(models, provider->model_count)) != 0)
            return -1;
    provider->models = made;
    return 0;
}

static int read_book(struct book *book, struct reading *r, const struct json *written)
{
    const struct json *providers = json_member(written, "providers");
    int64_t format = json_int(json_member(written, "format"), 0);

    if (format != FORMAT)
        return fail_set(r->fail, FAIL_OPERATOR, "price book %s: its format is %lld, this version reads %d", r->file,
                        (long long)format, FORMAT);
    const struct json *date = json_member(written, "date");
    book->date = arena_text(r->arena, json_str(date));
    book->date_s = INT64_MIN;
    if (date != NULL && parse_day(json_str(date), &book->date_s) != 0)
        return fail_set(r->fail, FAIL_OPERATOR, "price book %s: its `date` is no day: \"2026-10-14\"", r->file);
    book->providers = arena_array(r->arena, struct book_provider, json_count(providers));
    for (; book->provider_count < json_count(providers); book->provider_count++)
        if (read_provider(r, &book->providers[book->provider_count], json_at(providers, book->provider_count)) != 0)
            return -1;
    return 0;
}

struct book *book_parse(struct text bytes, const char *name, struct fail *fail)
{
    struct book *book = calloc(1, sizeof *book);
    struct reading r = { .fail = fail, .file = name };
    struct fail why = { .kind = FAIL_NONE };
    uint8_t digest[CRYPTO_SHA256_LEN];
    struct arena scratch;

    BUG_IF(book == NULL);
    book->magic = BOOK_MAGIC;
    arena_init(&book->arena, NULL, 0, ARENA_MOST);
    arena_init(&scratch, NULL, 0, ARENA_MOST);
    r.arena = &book->arena;
    crypto_sha256(bytes, digest);
    crypto_hex(digest, sizeof digest, book->digest);
    /* Read once, and money hangs on it: two parsers must agree that it is JSON. */
    const struct json *written = json_check_tree(bytes, &why) == 0 ? json_parse(&scratch, bytes, &why) : NULL;
    int read = written != NULL ? read_book(book, &r, written)
                               : fail_set(fail, FAIL_OPERATOR, "price book %s: %s", name, why.text);
    arena_fini(&scratch);
    if (read == 0)
        return book;
    book_free(book);
    return NULL;
}

struct book *book_load(const char *path, struct fail *fail)
{
    struct book *book = NULL;
    struct buf bytes;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        fail_set(fail, FAIL_OPERATOR, "price book %s: %s", path, strerror(errno));
        return NULL;
    }
    buf_init(&bytes, FILE_MOST);
    while (got > 0) {
        size_t room;
        char *space = buf_room(&bytes, 64 << 10, &room);
        got = space != NULL ? read(fd, space, room) : -1;
        if (space != NULL)
            buf_added(&bytes, got > 0 ? (size_t)got : 0);
    }
    if (got < 0)
        fail_set(fail, FAIL_OPERATOR, "price book %s: it cannot be read, or is larger than 16 MB", path);
    else
        book = book_parse(buf_view(&bytes), path, fail);
    buf_free(&bytes);
    close(fd);
    return book;
}
