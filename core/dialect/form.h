/* form.h - multipart/form-data, strictly: what two readers could read in two ways is refused, so that the upstream
 * finds the same model in it as the gateway. */
#ifndef DIALECT_FORM_H
#define DIALECT_FORM_H

#include <stdbool.h>

#include "base/text.h"

struct form {
    struct text mark; /* "--boundary", lent from the body */
    struct text rest; /* behind the last mark */
    bool bad;         /* what was read is no such form */
};

/* Is the body to be read as a form, good or bad? */
bool form_is_meant(struct text content_type, struct text body);
/* The body must begin with the boundary that the header names. False when it is no form. */
bool form_open(struct form *form, struct text content_type, struct text body);
/* The next part: its name and its value, lent from the body. False at the end, and when form->bad. */
bool form_next(struct form *form, struct text *name, struct text *value);

#endif
