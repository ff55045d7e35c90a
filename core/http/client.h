/* client.h - one client connection: made when MHD begins with it, freed after MHD has closed it.
 *
 * It sees the client leave (MHD does not, while a connection is suspended) and knows where its request stands. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/inside.h"

/* MHD_OPTION_NOTIFY_CONNECTION: the record begins and ends here. `cls` is the struct daemon. */
void client_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                   enum MHD_ConnectionNotificationCode what);
/* MHD_OPTION_NOTIFY_COMPLETED: one request is over. */
void client_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how);

/* The record of MHD's connection. */
struct client *client_of(struct MHD_Connection *mhd);

/* Hands it to MHD again, when it is suspended: its daemon runs at the end of this round. Any number of times. */
void client_resume(struct client *c);
/* Suspends; only inside a callback of MHD about this connection. */
void client_suspend(struct client *c);
/* The request's client is gone: informs the request (once) and closes the connection. */
void client_gone(struct client *c);
/* Closes the connection without a word to the request. */
void client_cut(struct client *c);
/* Closes an idle connection the polite way (TLS ends its session). */
void client_dismiss(struct client *c);
/* MHD has closed it, or will, in a state in which MHD does not look at it again: makes MHD look. */
void client_visit(struct client *c);
/* The handler has the head: no longer one of those that have only begun. */
void client_head_over(struct client *c);
/* The daemon has run and has nothing left to do: request lines that are too long, at which MHD falls silent, are answered. */
void client_refuse_long(struct daemon *d);
/* The client has closed: MHD reads what is left, and then the end. */
void client_read_on(struct client *c);

#endif
