/* price_lines.c - price-lines BOOK: prices requests for oracle.py. One JSON object a line on stdin, the same on stdout:
 * {"provider", "model", "at", "when": {"service_tier": "flex"}, "quantity": {"input": 1000}} ->
 * {"id": of the model or null, "known", "nano", "lines": [nano of each]} */
#include "lines.h"
#include "money/cost.h"

enum { CONTEXT_MOST = 8 };

static void price(const struct book *book, const struct json *asked, struct arena *arena, struct json_writer *w)
{
    (void)arena;
    const struct json *when = json_member(asked, "when"), *written = json_member(asked, "quantity");
    struct price_context context[CONTEXT_MOST];
    int64_t quantity[UNITS] = { 0 };
    struct price_list list;
    struct book_found found;
    struct cost cost;
    size_t count = json_count(when) < CONTEXT_MOST ? json_count(when) : CONTEXT_MOST;

    json_object(w);
    json_name(w, "id");
    if (!book_find(book, json_str(json_member(asked, "provider")), json_str(json_member(asked, "model")), &found)) {
        json_put_null(w);
        json_close(w);
        return;
    }
    for (size_t i = 0; i < count; i++)
        context[i] = (struct price_context){ json_key_at(when, i), json_str(json_at(when, i)) };
    for (size_t i = 0; i < json_count(written); i++)
        quantity[unit_find(json_key_at(written, i))] = json_int(json_at(written, i), 0);
    price_list_at(found.model, json_int(json_member(asked, "at"), 0), context, count, &list);
    cost_of(&list, quantity, &cost);
    json_put_str(w, found.model->id);
    json_name(w, "known");
    json_put_bool(w, cost.known);
    json_name(w, "nano");
    json_put_int(w, cost.nano);
    json_name(w, "lines");
    json_array(w);
    for (size_t i = 0; i < cost.line_count; i++)
        json_put_int(w, cost.lines[i].nano);
    json_close(w);
    json_close(w);
}

int main(int argc, char **argv)
{
    return lines_main("price-lines", argc, argv, price);
}
