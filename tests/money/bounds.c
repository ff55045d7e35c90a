/* bounds.c - bounds BOOK: the most tokens of requests, for bounds.py. One JSON object a line on stdin, the same on stdout:
 * {"seller", "model", "body": {...}, "interleaved": true} -> {"input", "output", "no_limit", "unbounded": null or why} */
#include "lines.h"
#include "money/bound.h"

static void answer(const struct book *book, const struct json *asked, struct arena *arena, struct json_writer *w)
{
    struct bound_ask ask = { .seller = json_str(json_member(asked, "seller")),
                             .model = json_str(json_member(asked, "model")),
                             .body = json_text(json_member(asked, "body")) };
    struct book_found found;
    struct bound bound;
    if (book_find(book, ask.seller, ask.model, &found)) {
        ask.window = found.model->window;
        ask.max_output = found.model->max_output;
    }
    ask.interleaved = json_bool(json_member(asked, "interleaved"), false);
    bound_of(&ask, arena, &bound);
    json_object(w);
    json_name(w, "input");
    json_put_int(w, bound.input);
    json_name(w, "output");
    json_put_int(w, bound.output);
    json_name(w, "no_limit");
    json_put_bool(w, bound.no_limit);
    json_name(w, "unbounded");
    if (bound.unbounded == NULL)
        json_put_null(w);
    else
        json_put_str(w, text_of(bound.unbounded));
    json_close(w);
}

int main(int argc, char **argv)
{
    return lines_main("bounds", argc, argv, answer);
}
