/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUS_MANAGER_H
#define DAEMON_BUS_MANAGER_H

/* The object /org/certferry1 on one connection: its methods, its signal, and the calls that wait
 * for polkit.  See daemon/bus/bus.h for the interface. */

#include "daemon/bus/handlers.h"

struct manager;
struct properties;
struct sd_bus;

/* Requests that wait at once; each may hold the descriptors that the bus lets a message carry. */
#define REQUESTS_MOST	    16
#define REQUEST_DESCRIPTORS 16

/* manager_new(connection, properties, handlers, userdata): serve the methods, and ${properties}, which it borrows, on
 * ${connection}, which it holds. */
struct manager *manager_new(struct sd_bus *connection, struct properties *properties,
	const struct bus_handlers *handlers, void *userdata);

/* manager_job_done(manager, job, exit_status, json): emit JobDone. */
void manager_job_done(struct manager *manager, uint32_t job, int exit_status, const char *json);

/* manager_free(manager): calls that wait are left without an answer.  NULL is fine; returns NULL. */
struct manager *manager_free(struct manager *manager);

DEFINE_CLEANUP(struct manager *, manager_free);

#endif
