/* bounds.c - bounds BOOK: the most tokens of requests, for bounds.py. One JSON object a line on stdin, the same on stdout:
 * {"seller", "model", "body": {...}, "interleaved": true} -> {"input", "output", "no_limit", "unbounded": null or why} */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "money/book.h"
#include "money/bound.h"

enum { LINE_MOST = 4 << 20 };

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
    struct fail fail;
    char *line = malloc(LINE_MOST);
    struct book *book;

    json_start();
    book = argc == 2 ? book_load(argv[1], &fail) : NULL;
    if (book == NULL || line == NULL) {
        fprintf(stderr, "bounds: %s\n", argc == 2 ? fail.text : "it takes the path of a price book");
        return 1;
    }
    while (fgets(line, LINE_MOST, stdin) != NULL) {
        struct json_writer w;
        struct arena arena;
        struct buf out;

        arena_init(&arena, NULL, 0, 64 << 20);
        buf_init(&out, 1 << 20);
        json_writer_init(&w, &out);
        answer(book, json_parse(&arena, text_of(line), &fail), &arena, &w);
        if (json_end(&w) != 0)
            return 1;
        printf("%.*s\n", TEXT_ARG(buf_view(&out)));
        buf_free(&out);
        arena_fini(&arena);
    }
    book_free(book);
    free(line);
    return 0;
}
