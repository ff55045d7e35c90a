/* echo.h - test builds only: a route that gives back what it got. */
#ifndef HTTP_ECHO_H
#define HTTP_ECHO_H

#ifdef GW_TEST_BUILD
struct client;

/* 200 with the body of the request; without one, the head as it was understood. */
void echo_serve(struct client *c);
#endif

#endif
