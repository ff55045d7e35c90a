/* ledger_link.h - what the process that drains and the one that keeps the ledger now say to each other, over a socket pair of
 * messages (SOCK_SEQPACKET). Both run on this machine; they may be of different versions. For ledger_away.c and ledger_keeper.c
 * alone. */
#ifndef MONEY_LEDGER_LINK_H
#define MONEY_LEDGER_LINK_H

#include "money/ledger_inside.h"

/* Raise it when a message below, or a number of one of its enums, changes its meaning: then no ledger is given from one to the other. */
#define LEDGER_LINK_VERSION 1
/* One message. A record is far smaller: its texts have bounds. */
enum { LINK_MOST = 128 << 10, LINK_PATIENCE_S = 5 };

/* What is behind the head: */
enum link_kind {
    LINK_HOLD = 1, /* a record; answered by GRANTED, REFUSED or FAILED with the same id. flag 1: it overtakes */
    LINK_WAIT,     /* a record, of one that waits in the queue; answered so when its wait is over */
    LINK_LEAVE,    /* nothing: the one with that id waits no longer */
    LINK_END,      /* a record; `number` of its HOLD */
    LINK_ROW,      /* a record */
    LINK_GRANTED,  /* nothing; `number` of the HOLD */
    LINK_REFUSED,  /* struct link_refusal */
    LINK_FAILED,   /* a text: the journal cannot be written */
};

struct link_head {
    uint32_t kind, flags;
    uint64_t id, number;
};

/* struct ledger_refusal, with a layout of its own. */
struct link_refusal {
    uint32_t answer, kind, period, clamps, waiting, spare;
    int64_t left, hard, ends_s, room;
    uint64_t after;
    char id[RECORD_TEXT_MOST + 1];
};

/* Sends one message: `bytes` are behind the head. -1: the other process is gone, or takes nothing for LINK_PATIENCE_S. */
int ledger_link_send(int fd, const struct link_head *head, struct text bytes);
/* The same with a record, which gets a number and a time where it has none. */
int ledger_link_send_record(int fd, const struct link_head *head, struct record *record);
/* Takes the next message into `room` of LINK_MOST bytes; *bytes are behind its head. 1; 0: there is none now (`wait` false, or nothing
 * came for LINK_PATIENCE_S); -1: the other process is gone, or said what is no message. */
int ledger_link_take(int fd, bool wait, char *room, struct link_head *head, struct text *bytes);
/* Sets how long a send or a take waits. */
void ledger_link_begin(int fd);

#endif
