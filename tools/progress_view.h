/* progress_view: the newest record of each order in orders.progress, as of now. */
#ifndef PUNNET_PROGRESS_VIEW_H
#define PUNNET_PROGRESS_VIEW_H

#include "proto/orders_progress.pb-c.h"
#include "runtime/bus.h"

struct progress_view;

struct progress_view *
progress_view_open(struct bus *bus, struct error *ret_error); /* blocking; NULL with an error */
const Punnet__V1__OrderProgress *progress_view_get(const struct progress_view *v,
						   const char *order_id);
void progress_view_close(struct progress_view *v);

#endif
