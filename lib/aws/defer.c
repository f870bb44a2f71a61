/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/defer.h"

#include "lib/base/mem.h"

struct sd_event_source *defer(sd_event_handler_t handler, void *userdata, const char *description)
{
	_cleanup_(sd_event_unrefp) struct sd_event *event = NULL;
	struct sd_event_source *source;

	/* Only without memory, or after the loop has ended, when nothing more is started. */
	if (sd_event_default(&event) < 0 ||
		sd_event_add_defer(event, &source, handler, userdata) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(source, description);
	return source;
}
