/* lines.c - reads, asks, writes. */
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_MOST = 4 << 20 };

int lines_main(const char *name, int argc, char **argv, lines_answer *answer)
{
    struct fail fail;
    char *line = malloc(LINE_MOST);
    struct book *book;

    json_start();
    book = argc == 2 ? book_load(argv[1], &fail) : NULL;
    if (book == NULL || line == NULL) {
        fprintf(stderr, "%s: %s\n", name, argc == 2 ? fail.text : "it takes the path of a price book");
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
