/* book_inside.h - what the files of the price book share. */
#ifndef MONEY_BOOK_INSIDE_H
#define MONEY_BOOK_INSIDE_H

#define BOOK_MAGIC 0x424f4f4bu
/* Longer names have no price. */
#define BOOK_NAME_MAX 512

#endif
