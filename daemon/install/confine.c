/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/install/confine.h"

#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/os/fd.h"

/* Of its first version, which every kernel with Landlock has. */
#define ALL_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define OUR_RIGHTS                                                                                 \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                             \
		LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                   \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                        \
		LANDLOCK_ACCESS_FS_MAKE_SYM)

static int use_landlock(int directory, struct error *err)
{
	const struct landlock_ruleset_attr attributes = { .handled_access_fs = ALL_RIGHTS };
	const struct landlock_path_beneath_attr beneath = { .allowed_access = OUR_RIGHTS,
		.parent_fd = directory };
	_cleanup_(fd_closep) int rules = (int)syscall(
		SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);

	if (rules < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM))
		return 0;
	if (rules < 0 ||
		syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) <
			0 ||
		syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return error_set_errno(err, errno, "use Landlock");
	return 0;
}

/* The lower half of an argument. */
#define ARGUMENT(n)                                                                                \
	(offsetof(struct seccomp_data, args[n]) + (BYTE_ORDER == BIG_ENDIAN ? sizeof(__u32) : 0))
#define REFUSE  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define SET_IDS 06000
/* Never. */
#define NEVER(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), REFUSE
/* Not with a mode, its argument ${n}, that has one of the bits. */
#define NO_SET_ID(call, n)                                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4),                                     \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(n)),                                   \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SET_IDS, 0, 1), REFUSE, ALLOW

/* The unit admits calls of the native ABI alone, whose numbers these are. */
static int use_seccomp(struct error *err)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		NO_SET_ID(openat, 3),
		NO_SET_ID(fchmod, 1),
		NO_SET_ID(mkdirat, 2),
		NEVER(openat2), /* its mode lies in memory, where a filter cannot look */
		NEVER(fchmodat),
		NEVER(mknodat),
		NEVER(execve),
		NEVER(execveat),
		NEVER(ptrace),
#ifdef SYS_fchmodat2
		NEVER(fchmodat2),
#endif
#ifdef SYS_open
		NEVER(open),
		NEVER(creat),
		NEVER(chmod),
		NEVER(mkdir),
		NEVER(mknod),
#endif
#ifdef SYS_io_uring_setup
		NEVER(io_uring_setup), /* which does such things without a call */
#endif
		ALLOW,
	};
	const struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return error_set_errno(err, errno, "use seccomp");
	return 0;
}

int confine(int directory, struct error *err)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "give up new privileges");
	r = use_landlock(directory, err);
	if (r == 0)
		r = use_seccomp(err);
	return r < 0 ? error_wrap(err, "confine this process") : 0;
}
