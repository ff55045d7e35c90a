/* prices.c - llm-gateway prices: shows what the price book knows of a model and by which rule, and takes newer prices.
 */
#include <inttypes.h>
#include <time.h>

#include "base/json.h"
#include "boot/folders.h"
#include "cli/prices.h"
#include "config/config.h"
#include "money/cost.h"
#include "money/nano.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    { "book", 'b', "FILE", "GW_PRICES", "the price book; the one that came with the program unless given" },
    CLI_OPTION_JSON,
    { "dry-run", 0, NULL, NULL, "update: show the differences and write nothing" },
    { "force", 0, NULL, NULL, "update: take also what would be held back, and an older file" },
    { "output", 'o', "FILE", NULL, "update: write the new book there, not in the place of the old one" },
    CLI_OPTIONS_END,
};

static void write_usd(struct buf *out, int64_t nano)
{
    char text[NANO_TEXT];

    buf_str(out, nano_write(nano, 0, text));
}

static void write_price(const struct book_price *price, struct buf *out)
{
    const struct unit_info *info = unit_info(price->unit);

    buf_printf(out, "    %-16.*s ", TEXT_ARG(info->name));
    write_usd(out, price->nano);
    buf_printf(out, " USD for %" PRId64, info->per);
    for (size_t i = 0; i < price->tier_count; i++) {
        buf_printf(out, ", above %" PRId64 " input tokens ", price->tiers[i].above);
        write_usd(out, price->tiers[i].nano);
    }
    buf_str(out, "\n");
}

static void write_entry(const struct book_entry *entry, struct buf *out)
{
    char day[sizeof "2026-11-27"];
    time_t from = (time_t)entry->from_s;
    struct tm utc;

    buf_str(out, "  ");
    if (entry->when.ptr != NULL)
        buf_printf(out, "where %.*s is %.*s", TEXT_ARG(entry->when), TEXT_ARG(entry->value));
    else
        buf_str(out, "list price");
    if (entry->from_s != INT64_MIN && gmtime_r(&from, &utc) != NULL && strftime(day, sizeof day, "%Y-%m-%d", &utc) > 0)
        buf_printf(out, ", from %s", day);
    if (entry->begin_s >= 0)
        buf_printf(out, ", between %02d:%02d and %02d:%02d UTC", entry->begin_s / 3600, entry->begin_s / 60 % 60,
                   entry->end_s / 3600, entry->end_s / 60 % 60);
    buf_str(out, "\n");
    for (size_t i = 0; i < entry->price_count; i++)
        write_price(&entry->prices[i], out);
}

static void write_found(const struct book_found *found, struct text provider, struct buf *out)
{
    const struct book_model *model = found->model;

    buf_printf(out, "%.*s/%.*s", TEXT_ARG(provider), TEXT_ARG(model->id));
    if (!text_eq(provider, found->provider->id))
        buf_printf(out, " (list of %.*s)", TEXT_ARG(found->provider->id));
    buf_str(out, "\n  found because the name ");
    book_write_rule(found->rule, out);
    buf_str(out, "\n");
    if (model->window > 0)
        buf_printf(out, "  context window %" PRId64 " tokens\n", model->window);
    if (model->max_output > 0)
        buf_printf(out, "  at most %" PRId64 " output tokens\n", model->max_output);
    for (size_t i = 0; i < model->entry_count; i++)
        write_entry(&model->entries[i], out);
    for (size_t i = 0; i < model->variant_count; i++)
        write_entry(&model->variants[i], out);
}

static void put_count(struct json_writer *w, const char *name, int64_t count)
{
    json_key(w, text_of(name));
    if (count > 0)
        json_put_int(w, count);
    else
        json_put_null(w);
}

/* The prices of this moment, without variants. */
static void put_found(const struct book_found *found, struct text provider, struct json_writer *w)
{
    struct price_list list;
    char text[NANO_TEXT];
    struct buf rule;

    buf_init(&rule, 4 << 10);
    book_write_rule(found->rule, &rule);
    json_object(w);
    json_name(w, "provider");
    json_put_str(w, provider);
    json_name(w, "model");
    json_put_str(w, found->model->id);
    json_name(w, "rule");
    json_put_str(w, buf_view(&rule));
    put_count(w, "context_window", found->model->window);
    put_count(w, "max_output", found->model->max_output);
    json_name(w, "usd");
    json_object(w);
    price_list_at(found->model, (int64_t)time(NULL), NULL, 0, &list);
    for (enum unit unit = 0; unit < UNITS; unit++) {
        if (list.of[unit] == NULL)
            continue;
        json_key(w, unit_info(unit)->name);
        json_put_str(w, text_of(nano_write(list.of[unit]->nano, 0, text)));
    }
    json_close(w);
    json_close(w);
    buf_free(&rule);
}

/* Where the answers go: text, or a JSON list. */
struct listing {
    struct buf *out;
    struct json_writer *json;
    bool found;
};

static void show(const struct book *book, struct text provider, struct text model, struct listing *l)
{
    struct book_found found;

    if (!book_find(book, provider, model, &found))
        return;
    l->found = true;
    if (l->json != NULL)
        put_found(&found, provider, l->json);
    else
        write_found(&found, provider, l->out);
}

/* `asked`: PROVIDER/MODEL, or a model's name at any provider. */
static void show_all(const struct book *book, struct text asked, struct listing *l)
{
    struct text model = asked;
    struct text provider = text_cut(&model, '/');

    if (model.ptr != NULL)
        show(book, provider, model, l);
    for (size_t i = 0; i < book->provider_count && !(l->found && model.ptr != NULL); i++)
        show(book, book->providers[i].id, asked, l);
}

/* What the configuration has of that name comes first: its own prices, and the book's entry of each of its targets. */
static void show_configured(const struct config *config, const struct book *book, struct text asked, struct listing *l)
{
    struct prices_target target;

    for (size_t i = 0; prices_configured(config, book, asked, &target, i, l->out, l->json); i++) {
        l->found = l->found || target.own;
        if (!target.direct)
            show(book, target.seller, target.model, l);
    }
}

const char *prices_path(const struct cli *cli, struct arena *arena)
{
    const char *path = cli_option(cli, "book");

    return path != NULL ? path : folders_data(arena, "prices.json");
}

static struct book *load(const struct cli *cli)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct arena arena;

    arena_init(&arena, NULL, 0, 64 << 10);
    struct book *book = book_load(prices_path(cli, &arena), &fail);
    arena_fini(&arena);
    if (book == NULL)
        cli_say("%s", fail.text);
    return book;
}

static int prices_show(struct cli *cli)
{
    struct json_writer w;
    struct buf out;
    struct listing l = { .out = &out };

    struct config *config = cli_load(cli, CLI_LOAD_OFF);
    struct book *book = config != NULL ? load(cli) : NULL;
    if (book == NULL) {
        if (config != NULL)
            config_unref(config);
        return CLI_CONFIG;
    }
    buf_init(&out, 16 << 20);
    if (cli_option(cli, "json") != NULL) {
        l.json = &w;
        json_writer_init(&w, &out);
        json_array(&w);
    }
    show_configured(config, book, text_of(cli->args[1]), &l);
    if (!l.found || config_model(config, text_of(cli->args[1])) == NULL)
        show_all(book, text_of(cli->args[1]), &l);
    config_unref(config);
    if (l.json != NULL) {
        json_close(&w);
        json_end(&w);
        buf_str(&out, "\n");
    } else {
        buf_printf(&out, "price book of %.*s, digest %.16s\n", TEXT_ARG(book->date), book->digest);
    }
    book_free(book);
    if (l.found)
        return cli_print(&out);
    buf_free(&out);
    cli_say("the price book has no price of \"%s\": its cost is unknown, never zero. Name the provider (openai/gpt-4o) "
            "or look for the name that the provider uses",
            cli->args[1]);
    return CLI_FAILED;
}

static int run(struct cli *cli)
{
    json_start();
    if (strcmp(cli->args[0], "show") == 0)
        return prices_show(cli);
    if (strcmp(cli->args[0], "update") == 0)
        return prices_update(cli);
    return cli_usage(cli->verb, "it takes `show MODEL` or `update FILE`, not \"%s\"", cli->args[0]);
}

const struct cli_verb verb_prices = {
    .name = "prices",
    .summary = "show what models cost, and take newer prices",
    .arguments = "show [PROVIDER/]MODEL | update FILE",
    .options = options,
    .notes =
        "Prints the entry of the price book that a model's name leads to, and the rule that found it. Without a\n"
        "provider every provider that has the model is shown. --json gives the prices of this moment, as decimal\n"
        "strings in USD for the unit's own count (a million tokens, a thousand requests, 3,600 seconds).\n"
        "What the configuration names (-c FILE) comes first: a model's targets, and each price with whose it is, gateway.lua's\n"
        "or the price book's.\n"
        "update reads a newer price book from a file, prints each difference and replaces the book. It removes no\n"
        "price, and leaves a model as it was where a price changes more than tenfold, or to or from zero.\n",
    .words = "show update",
    .least_args = 2,
    .most_args = 2,
    .run = run,
};
