/* topics: what the built-in table of topics says. */
#ifndef PUNNET_TOOL_TOPICS_H
#define PUNNET_TOOL_TOPICS_H

#include <stdint.h>

/* -1: for ever, or no such topic. The table is read at the first call. */
int64_t topic_retention_ms(const char *name);

#endif
