/* lists_read: lists as text files: a folder's files into a builder.
 *
 * LIST.txt, or LIST.ANYTHING.txt, holds an entry a line (see named_lists_build.h); # begins a comment. customers.ADVERTISER.txt
 * holds fingerprints of that advertiser's customers. Other files of the folder are left alone, .txt files of no list are
 * a fault. */
#ifndef PUNNET_LISTS_READ_H
#define PUNNET_LISTS_READ_H

#include "base/buf.h"
#include "filter-worker/core/named_lists_build.h"

#define LISTS_FAULTS_MAX 20
#define LIST_LINE_MAX    1024

struct lists_faults {
	size_t count;
	struct buf text; /* the first LISTS_FAULTS_MAX, a line each */
};

/* Files are read in the order of their names. */
void lists_read_folder(const char *folder, struct named_lists_builder *b, struct lists_faults *f);

#endif
