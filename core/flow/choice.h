/* choice.h - why an attempt went where it went, with the numbers of that moment: for llm-gateway explain. Only flow/ includes this. */
#ifndef FLOW_CHOICE_H
#define FLOW_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

struct choice;
struct json_writer;
struct request;

/* The target at req->targets[index] is the next; of the others why not. Kept where a ledger is and there was something to choose. */
void choice_note(struct request *req, size_t index);
/* Is there one? */
bool choice_is_noted(const struct request *req);
/* An object for each, into an open array. */
void choice_write(const struct request *req, struct json_writer *w);

#endif
