/* bus_files: topics as files of a folder. A recording is made of any bus, and read back as a bus that only reads
 * ("files:FOLDER", see bus_open_reading()): for replays without a broker, for evidence that is kept, for golden topics.
 *
 * A partition is one file, TOPIC-PARTITION.records: a head (magic, first offset, end), then each record: the lengths of key,
 * type and value, a checksum, offset, time, and the bytes. Numbers are little-endian. What does not fit its checksum or its
 * length is refused as a whole when the partition is first looked at. */
#ifndef PUNNET_BUS_FILES_H
#define PUNNET_BUS_FILES_H

#include "bus.h"

#define RECORDING_PARTITIONS_MAX 256

struct recording; /* one partition, being written */

/* Begins a partition's file; the offsets are what the bus calls low and high. NULL: it can't be made. */
struct recording *recording_begin(const char *folder, const char *topic, int32_t partition,
				  int64_t low, int64_t end, struct error *ret_error);
void recording_put(struct recording *r, const struct bus_record *record);
/* Ends and frees it. RESULT_BAD: the file could not be written whole; it is removed. */
_must_use_ enum result recording_end(struct recording *r, struct error *ret_error);

#endif
