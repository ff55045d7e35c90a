/* intake.h - what comes in: MHD's access handler. */
#ifndef HTTP_INTAKE_H
#define HTTP_INTAKE_H

#include "http/inside.h"

/* MHD_OPTION_URI_LOG_CALLBACK: a request line has come; its target as it was sent. Gives the struct client. */
void *intake_begin(void *cls, const char *target, struct MHD_Connection *mhd);
/* MHD_AccessHandlerCallback: first with the head, then with each piece of the body, then when all is there, and
 * again after each resume until there is an answer. */
enum MHD_Result intake_serve(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                             const char *version, const char *bytes, size_t *len, void **context);

#endif
