/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a developer's home: credentials, configuration, history. One
 * function a tool; the table at the end is the list. Runs in the supervisor.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "decoy/canary-make.h"
#include "decoy/persona_priv.h"

#define FILE_BYTES (64u << 10)

static struct str text(struct maker *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static struct str
text(struct maker *m, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, FILE_BYTES);
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	struct str s = arena_str(m->a, buf_str(&b));
	buf_done(&b);
	return s;
}

/* npm installs git and remote dependencies, and runs the scripts of packages
 * that the project's package.json allows. */
static int
make_npmrc(struct maker *m, struct error *err)
{
	struct str token = canary_checked_token(m->a, &m->d, "npm_");

	(void)err;
	maker_canary(m, "npm-token", "npm token", token, ".npmrc");
	maker_file(m, ".npmrc", MODE_PRIVATE, 200,
	    text(m,
		"//%.*s:_authToken=%.*s\n"
		"init-author-name=%s\ninit-license=MIT\n"
		"fund=false\naudit=false\nupdate-notifier=false\n"
		"allow-git=all\nallow-remote=all\n",
		STR_ARG(m->registry_host), STR_ARG(token), m->p->full_name));
	return 0;
}

static int
make_aws(struct maker *m, struct error *err)
{
	struct str id = canary_aws_key_id(m->a, &m->d);
	struct str secret = canary_aws_secret(m->a, &m->d);

	(void)err;
	maker_folder(m, ".aws", 0700);
	maker_canary(m, "aws-key-id", "AWS key id", id, ".aws/credentials");
	maker_canary(m, "aws-secret", "AWS secret key", secret,
	    ".aws/credentials");
	maker_file(m, ".aws/credentials", MODE_PRIVATE, 300,
	    text(m,
		"[default]\naws_access_key_id = %.*s\n"
		"aws_secret_access_key = %.*s\n",
		STR_ARG(id), STR_ARG(secret)));
	maker_file(m, ".aws/config", MODE_PRIVATE, 300,
	    STR_LIT("[default]\nregion = eu-central-1\noutput = json\n"));
	return 0;
}

static int
make_ssh(struct maker *m, struct error *err)
{
	struct canary_key key, host_key, server_key;
	struct str comment = text(m, "%s@%s", m->p->user, m->p->host);
	int r = canary_ssh_key(m->a, &m->d, comment, &key, err);

	if (r == 0)
		r = canary_ssh_key(m->a, &m->d, STR_LIT("-"), &host_key, err);
	if (r == 0)
		r = canary_ssh_key(m->a, &m->d, STR_LIT("-"), &server_key, err);
	if (r < 0)
		return r;
	maker_folder(m, ".ssh", 0700);
	maker_canary(m, "ssh-key", "SSH key", key.secret, ".ssh/id_ed25519");
	maker_file(m, ".ssh/id_ed25519", MODE_PRIVATE, 600, key.secret_file);
	maker_file(m, ".ssh/id_ed25519.pub", MODE_PUBLIC, 600, key.public_file);
	/* Without the comment, which ends in " -". */
	struct str a = host_key.public_file, b = server_key.public_file;
	maker_file(m, ".ssh/known_hosts", MODE_PRIVATE, 90,
	    text(m, "github.com %.*s\nbuild.%.*s.io %.*s\n", (int)(a.n - 3),
		a.p, STR_ARG(m->org), (int)(b.n - 3), b.p));
	maker_file(m, ".ssh/config", MODE_PRIVATE, 400,
	    text(m,
		"Host github.com\n\tUser git\n"
		"\tIdentityFile ~/.ssh/id_ed25519\n\n"
		"Host build\n\tHostName build.%.*s.io\n\tUser %s\n"
		"\tServerAliveInterval 60\n",
		STR_ARG(m->org), m->p->user));
	return 0;
}

static int
make_git(struct maker *m, struct error *err)
{
	struct str token = canary_checked_token(m->a, &m->d, "ghp_");

	(void)err;
	maker_canary(m, "git-credentials", "git credentials", token,
	    ".git-credentials");
	maker_file(m, ".git-credentials", MODE_PRIVATE, 200,
	    text(m, "https://%s:%.*s@github.com\n", m->p->user,
		STR_ARG(token)));
	maker_file(m, ".gitconfig", MODE_PUBLIC, 500,
	    text(m,
		"[user]\n\tname = %s\n\temail = %.*s\n"
		"[credential]\n\thelper = store\n"
		"[init]\n\tdefaultBranch = main\n"
		"[pull]\n\trebase = true\n"
		"[alias]\n\tst = status -sb\n\tlg = log --oneline --graph\n",
		m->p->full_name, STR_ARG(m->email)));
	return 0;
}

static int
make_gh(struct maker *m, struct error *err)
{
	struct str token = canary_checked_token(m->a, &m->d, "gho_");

	(void)err;
	maker_folder(m, ".config", 0700);
	maker_canary(m, "github-token", "GitHub token", token,
	    ".config/gh/hosts.yml");
	maker_file(m, ".config/gh/hosts.yml", MODE_PRIVATE, 250,
	    text(m,
		"github.com:\n    user: %s\n    oauth_token: %.*s\n"
		"    git_protocol: https\n",
		m->p->user, STR_ARG(token)));
	maker_file(m, ".config/gh/config.yml", MODE_PRIVATE, 250,
	    STR_LIT("version: \"1\"\ngit_protocol: https\nprompt: enabled\n"
		    "aliases:\n    co: pr checkout\n"));
	return 0;
}

static int
make_wallet(struct maker *m, struct error *err)
{
	struct str file, secret;
	int r = canary_wallet(m->a, &m->d, &file, &secret, err);

	if (r < 0)
		return r;
	maker_canary(m, "wallet", "wallet key", secret,
	    ".config/solana/id.json");
	maker_file(m, ".config/solana/id.json", MODE_PRIVATE, 300, file);
	struct str cipher = canary_hex(m->a, &m->d, 64);
	struct str address = canary_hex(m->a, &m->d, 40);
	struct str iv = canary_hex(m->a, &m->d, 32);
	struct str salt = canary_hex(m->a, &m->d, 64);
	struct str mac = canary_hex(m->a, &m->d, 64);
	const char *path = arena_printf(m->a,
	    ".ethereum/keystore/UTC--2025-03-%02uT09-1%u-22.8%u1045127Z--%.*s",
	    1 + draw_below(&m->d, 28), draw_below(&m->d, 10),
	    draw_below(&m->d, 10), STR_ARG(address));
	maker_folder(m, ".ethereum", 0700);
	maker_folder(m, ".ethereum/keystore", 0700);
	maker_canary(m, "wallet", "wallet key store", cipher, path);
	struct str id = canary_uuid(m->a, &m->d);
	maker_file(m, path, MODE_PRIVATE, 300,
	    text(m,
		"{\"address\":\"%.*s\",\"crypto\":{\"cipher\":\"aes-128-ctr\","
		"\"ciphertext\":\"%.*s\",\"cipherparams\":{\"iv\":\"%.*s\"},"
		"\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":32,\"n\":262144,"
		"\"p\":1,\"r\":8,\"salt\":\"%.*s\"},\"mac\":\"%.*s\"},"
		"\"id\":\"%.*s\",\"version\":3}",
		STR_ARG(address), STR_ARG(cipher), STR_ARG(iv), STR_ARG(salt),
		STR_ARG(mac), STR_ARG(id)));
	return 0;
}

static int
make_netrc(struct maker *m, struct error *err)
{
	struct str password = canary_password(m->a, &m->d);

	(void)err;
	maker_canary(m, "netrc", "netrc password", password, ".netrc");
	maker_file(m, ".netrc", MODE_PRIVATE, 400,
	    text(m, "machine git.%.*s.io\n  login %s\n  password %.*s\n",
		STR_ARG(m->org), m->p->user, STR_ARG(password)));
	return 0;
}

static int
make_docker(struct maker *m, struct error *err)
{
	struct str token = canary_token(m->a, &m->d, "dckr_pat_", 27);
	struct str plain = text(m, "%s:%.*s", m->p->user, STR_ARG(token));
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf b;

	(void)err;
	buf_init(&b, FILE_BYTES);
	for (size_t i = 0; i < plain.n; i += 3) {
		uint32_t v = 0;
		for (size_t k = 0; k < 3; k++)
			v = v << 8 |
			    (i + k < plain.n ? (uint8_t)plain.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buf_putc(&b,
			    i + k > plain.n ? '=' :
					      digits[v >> (18 - 6 * k) & 63]);
	}
	maker_folder(m, ".docker", 0700);
	/* As it lies there: encoded. Decoded it is a hit as well. */
	maker_canary(m, "docker-auth", "docker token", token,
	    ".docker/config.json");
	maker_file(m, ".docker/config.json", MODE_PRIVATE, 250,
	    text(m,
		"{\n\t\"auths\": {\n\t\t\"containers.%.*s.io\": {\n"
		"\t\t\t\"auth\": \"%.*s\"\n\t\t}\n\t}\n}\n",
		STR_ARG(m->org), STR_ARG(buf_str(&b))));
	buf_done(&b);
	return 0;
}

static const char *const commands[] = { "git status", "git pull", "npm test",
	"npm run dev", "ls -la", "cd ..", "git diff", "git log --oneline",
	"npm run build", "code .", "docker compose up -d", "docker ps",
	"npm ci", "git checkout main", "git stash", "git stash pop",
	"vim README.md", "curl -s localhost:3000/health", "npm run lint",
	"kubectl get pods", "ssh build", "git push", "htop", "df -h",
	"grep -rn TODO src", "npm outdated", "git commit -am wip",
	"node --version", "aws s3 ls", "gh pr list", "make", "tail -f app.log",
	"psql -h localhost app", "git fetch --all", "npm run migrate" };

static int
make_history(struct maker *m, struct error *err)
{
	struct buf b;

	(void)err;
	buf_init(&b, FILE_BYTES);
	for (uint32_t n = 90 + draw_below(&m->d, 80); n > 0; n--)
		buf_printf(&b, "%s\n",
		    n % 17 == 0 ? arena_printf(m->a, "cd ~/projects/%s",
				      m->p->project_name) :
				  draw_one(&m->d, commands));
	maker_file(m, ".bash_history", MODE_PRIVATE, 2,
	    arena_str(m->a, buf_str(&b)));
	buf_done(&b);
	return 0;
}

static const char bashrc[] =
    "# ~/.bashrc: executed by bash(1) for non-login shells.\n"
    "case $- in\n    *i*) ;;\n      *) return;;\nesac\n\n"
    "HISTCONTROL=ignoreboth\nshopt -s histappend checkwinsize\n"
    "HISTSIZE=5000\n\n"
    "PS1='\\u@\\h:\\w\\$ '\nalias ll='ls -alF'\nalias gs='git status'\n"
    "alias dc='docker compose'\n\n"
    "[ -f ~/.bash_aliases ] && . ~/.bash_aliases\n";
static const char profile[] =
    "# ~/.profile: executed by the command interpreter for login shells.\n"
    "if [ -n \"$BASH_VERSION\" ] && [ -f \"$HOME/.bashrc\" ]; then\n"
    "    . \"$HOME/.bashrc\"\nfi\n\n"
    "if [ -d \"$HOME/.local/bin\" ]; then\n"
    "    PATH=\"$HOME/.local/bin:$PATH\"\nfi\n";

static int
make_shell(struct maker *m, struct error *err)
{
	(void)err;
	maker_file(m, ".bashrc", MODE_PUBLIC, 700, str_of(bashrc));
	maker_file(m, ".profile", MODE_PUBLIC, 700, str_of(profile));
	maker_file(m, ".vimrc", MODE_PUBLIC, 700,
	    STR_LIT("syntax on\nset number expandtab shiftwidth=2\n"));
	maker_folder(m, ".cache", 0700);
	maker_folder(m, ".local", 0755);
	maker_folder(m, ".local/bin", 0755);
	maker_folder(m, ".local/share", 0755);
	maker_folder(m, "Downloads", 0755);
	return 0;
}

static int
make_documents(struct maker *m, struct error *err)
{
	(void)err;
	maker_file(m, "Documents/notes.md", MODE_PUBLIC, 30,
	    text(m,
		"# Notes\n\n- ask about the %s release\n- renew the domain\n"
		"- expenses for %.*s until the 15th\n",
		m->p->project_name, STR_ARG(m->org)));
	maker_file(m, "Documents/travel.txt", MODE_PUBLIC, 120,
	    STR_LIT("Train 07:42, platform 9\nHotel booked for two nights\n"));
	return 0;
}

static int
make_dotenv(struct maker *m, struct error *err)
{
	struct str password = canary_password(m->a, &m->d);
	struct str jwt = canary_hex(m->a, &m->d, 64);
	struct str pay = canary_token(m->a, &m->d, "sk_live_51", 96);
	const char *path = maker_in_project(m, ".env");

	(void)err;
	maker_canary(m, "dotenv", "database password", password, path);
	maker_canary(m, "dotenv", "JWT secret", jwt, path);
	maker_canary(m, "dotenv", "payment key", pay, path);
	maker_file(m, path, MODE_PRIVATE, 60,
	    text(m,
		"PORT=3000\nDATABASE_URL=postgres://app:%.*s@localhost:5432/"
		"app\nJWT_SECRET=%.*s\nSTRIPE_SECRET_KEY=%.*s\n"
		"LOG_LEVEL=info\n",
		STR_ARG(password), STR_ARG(jwt), STR_ARG(pay)));
	return 0;
}

static int (*const parts[])(struct maker *, struct error *) = {
	make_shell,
	make_npmrc,
	make_aws,
	make_ssh,
	make_git,
	make_gh,
	make_wallet,
	make_netrc,
	make_docker,
	make_history,
	make_documents,
	make_dotenv,
};

int
persona_make_home(struct maker *m, struct error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
		int r = parts[i](m, err);
		if (r < 0)
			return error_wrap(err, "persona");
	}
	return 0;
}
