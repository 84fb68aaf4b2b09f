/* setup: see setup.c. */
#ifndef PUNNET_SIM_SETUP_H
#define PUNNET_SIM_SETUP_H

#include "runtime/bus.h"
#include "world.h"

extern const char *const setup_verticals[WORLD_VERTICALS];
const struct bus_topic_spec *setup_topic(size_t i); /* NULL past the end */

#endif
