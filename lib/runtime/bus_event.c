/* bus_event: the descriptors by which a backend wakes the loop. In a file of its own, so that what has no loop to wake can do
 * without them. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus_backend.h"

int bus_event_open(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void bus_event_signal(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	assert(n == sizeof(one) ||
	       errno == EAGAIN); /* a full counter is readable, which is all that matters */
}

void bus_event_drain(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	assert(n == sizeof(count) || errno == EAGAIN);
}

void bus_event_close(int fd)
{
	(void)close(fd);
}
