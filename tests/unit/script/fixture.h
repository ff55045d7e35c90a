/* fixture.h - a policy and a request without a gateway. */
#ifndef TESTS_SCRIPT_FIXTURE_H
#define TESTS_SCRIPT_FIXTURE_H

#include "canon/ask.h"
#include "config/config.h"
#include "script/script.h"

struct fixture {
    struct config *config;
    struct script_shared *shared;
    struct script_worker *worker;
    struct arena arena;
    struct ask ask;
    struct script_request req;
    struct fail fail; /* of loading */
    char wrong[512];  /* what script_check() had to complain of; empty: nothing */
};

/* One policy "p" in "p.lua", with the models fast, smart and long. `args` is JSON; NULL: {}. */
void fixture_open(struct fixture *f, const char *source, const char *args);
/* The same, of a file in `folder`, whose modules it may require. Kept. */
void fixture_open_in(struct fixture *f, const char *folder, const char *source, const char *args);
void fixture_close(struct fixture *f);
/* A request to a face. */
void fixture_ask(struct fixture *f, const struct face *face, const char *body);
/* The text of the last trace's error; "" where there was none. */
const char *fixture_error(const struct fixture *f);

#endif
