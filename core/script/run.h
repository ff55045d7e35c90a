/* run.h - one hook of one request, as a coroutine: it begins, waits perhaps, goes on and ends. Only script/ includes this. */
#ifndef SCRIPT_RUN_H
#define SCRIPT_RUN_H

#include "script/state.h"

enum run_end {
    RUN_GOOD,      /* run->verdict */
    RUN_WAITS,     /* run->ask was started: run_go_on() when it is over, or run_cancel() */
    RUN_FAILED,    /* with `fail` */
    RUN_ELSEWHERE, /* it has not begun, and its state takes no new hooks: run_begin() with another one */
};

/* The hook run->hook of that state's policy. It waits for its turn where hooks that wait hold more than half of the memory. */
enum run_end run_begin(struct script_state *s, struct script_run *run, struct fail *fail);
/* What it waited for is over. */
enum run_end run_go_on(struct script_run *run, struct fail *fail);
/* It does not go on: the client has left. What it waits for was called off. */
void run_cancel(struct script_run *run);

/* Raises where nothing can wait: "gw.http.post waits: it cannot be called inside the function given to gsub". */
void run_may_wait(lua_State *L, const char *of, const char *name);
/* For a function that waits, as its last call: `return run_wait(L, ask, after)`. Starts `ask`; when it is over, `after` runs in the place
 * of the function, whose arguments are on the stack still, and finds the ask in its run. The policy's allowance bounds
 * ask->until_ns; 0: it alone. */
int run_wait(lua_State *L, struct script_ask *ask, lua_KFunction after);

#endif
