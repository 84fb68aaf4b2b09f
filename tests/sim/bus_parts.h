/* bus_parts: what the two files of the simulated bus share. */
#ifndef PUNNET_SIM_BUS_PARTS_H
#define PUNNET_SIM_BUS_PARTS_H

#include "runtime/bus_backend.h"
#include "sim.h"

enum result sim_produce(struct bus_producer *base, const char *topic, int32_t partition,
			struct slice key, const char *type, struct slice value, uint64_t token);
enum result sim_producer_poll(struct bus_producer *base, struct error *ret_error);
int sim_producer_fd(struct bus_producer *base);
size_t sim_producer_in_flight(const struct bus_producer *base);
int64_t sim_producer_oldest_ms(const struct bus_producer *base);
enum result sim_producer_flush(struct bus_producer *base, int timeout_ms);
struct bus_producer *sim_producer_open(struct bus *b, const struct bus_producer_options *o,
				       struct error *ret_error);
void sim_producer_close(struct bus_producer *base);

#endif
