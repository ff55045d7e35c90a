/* watch.h - one client connection: made when MHD begins with it, freed after MHD has closed it.
 *
 * It sees the client leave (MHD does not, while a connection is suspended) and knows where its request stands. */
#ifndef HTTP_WATCH_H
#define HTTP_WATCH_H

#include "http/inside.h"

/* MHD_OPTION_NOTIFY_CONNECTION: the record begins and ends here. `cls` is the struct daemon. */
void watch_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                  enum MHD_ConnectionNotificationCode what);
/* MHD_OPTION_NOTIFY_COMPLETED: one request is over. */
void watch_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how);

/* The record of MHD's connection. */
struct watch *watch_of(struct MHD_Connection *mhd);

/* Hands it to MHD again, when it is suspended: its daemon runs at the end of this round. Any number of times. */
void watch_resume(struct watch *x);
/* Suspends; only inside a callback of MHD about this connection. */
void watch_suspend(struct watch *x);
/* The request's client is gone: informs the request (once) and closes the connection. */
void watch_gone(struct watch *x);
/* Closes the connection without a word to the request. */
void watch_cut(struct watch *x);
/* Closes an idle connection the polite way (TLS ends its session). */
void watch_dismiss(struct watch *x);
/* MHD has closed it, or will, in a state in which MHD does not look at it again: makes MHD look. */
void watch_visit(struct watch *x);
/* The handler has the head: no longer one of those that have only begun. */
void watch_head_over(struct watch *x);
/* The daemon has run and has nothing left to do: request lines that are too long, at which MHD falls silent, are answered. */
void watch_refuse_long(struct daemon *d);
/* The client has closed: MHD reads what is left, and then the end. */
void watch_read_on(struct watch *x);

#endif
