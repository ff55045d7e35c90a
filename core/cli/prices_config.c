/* prices_config.c - what the models of a configuration cost: the prices of gateway.lua, and the book's where it names none. */
#include <inttypes.h>
#include <time.h>

#include "cli/prices.h"
#include "config/config.h"
#include "money/cost.h"
#include "money/nano.h"
#include "money/tariff.h"
#include "plugin/plugin.h"

static struct text seller_of(const struct config_provider *p)
{
    return text_of(p->service != NULL ? p->service->name : p->plugin->name);
}

static void write_text(const struct tariff *own, const struct price_list *list, struct buf *out)
{
    char usd[NANO_TEXT];

    for (enum unit unit = 0; unit < UNITS; unit++)
        if (list->of[unit] != NULL)
            buf_printf(out, "    %-16.*s %s USD for %" PRId64 ", of %s\n", TEXT_ARG(unit_info(unit)->name),
                       nano_write(list->of[unit]->nano, 0, usd), unit_info(unit)->per,
                       own->given[unit] ? "gateway.lua" : "the price book");
}

static void put_json(const struct tariff *own, const struct price_list *list, struct json_writer *w)
{
    char usd[NANO_TEXT];

    json_name(w, "usd");
    json_object(w);
    for (enum unit unit = 0; unit < UNITS; unit++) {
        if (list->of[unit] == NULL)
            continue;
        json_key(w, unit_info(unit)->name);
        json_put_str(w, text_of(nano_write(list->of[unit]->nano, 0, usd)));
    }
    json_close(w);
    json_name(w, "from");
    json_object(w);
    for (enum unit unit = 0; unit < UNITS; unit++) {
        if (list->of[unit] == NULL)
            continue;
        json_key(w, unit_info(unit)->name);
        json_put_str(w, own->given[unit] ? TEXT("gateway.lua") : TEXT("price book"));
    }
    json_close(w);
}

/* A target with prices of gateway.lua: what holds at this moment, by unit, and whose price it is. */
static void write_own(const struct config_provider *p, struct text model, const struct tariff *own,
                      const struct book *book, struct buf *out, struct json_writer *w)
{
    struct price_list list = { .of = { NULL } };
    struct book_found found;

    if (!own->free && book_find(book, seller_of(p), model, &found))
        price_list_at(found.model, (int64_t)time(NULL), NULL, 0, &list);
    if (!own->free)
        tariff_apply(own, &list);
    if (w == NULL) {
        buf_printf(out, "%.*s/%.*s\n  prices of gateway.lua%s\n", TEXT_ARG(p->name), TEXT_ARG(model),
                   own->free ? ": free" : "");
        write_text(own, &list, out);
        return;
    }
    json_object(w);
    json_name(w, "provider");
    json_put_str(w, p->name);
    json_name(w, "model");
    json_put_str(w, model);
    json_name(w, "free");
    json_put_bool(w, own->free);
    put_json(own, &list, w);
    json_close(w);
}

bool prices_configured(const struct config *config, const struct book *book, struct text asked,
                       struct prices_target *target, size_t i, struct buf *out, struct json_writer *w)
{
    struct text rest = asked, head = text_cut(&rest, '/');
    const struct config_model *model = config_model(config, asked);
    const struct config_provider *direct = model == NULL && rest.len > 0 ? config_provider(config, head) : NULL;

    if (model == NULL && direct == NULL)
        model = config_family(config, asked);
    if (i >= (direct != NULL ? 1 : model != NULL ? model->target_count : 0))
        return false;
    const struct config_target *t = direct != NULL ? NULL : &model->targets[i];
    const struct config_provider *p = direct != NULL ? direct : t->provider;
    struct text name = direct != NULL ? rest : text_is(t->model, "*") ? asked : t->model;
    const struct tariff *own = t != NULL && t->price != NULL ? t->price : p->price;
    *target =
        (struct prices_target){ .seller = seller_of(p), .model = name, .own = own != NULL, .direct = direct != NULL };
    if (own != NULL)
        write_own(p, name, own, book, out, w);
    return true;
}
