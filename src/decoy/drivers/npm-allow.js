// SPDX-License-Identifier: Apache-2.0
// Runs inside the image, as `node -e`, before the install: npm 12 runs scripts
// of dependencies only where the project's package.json allows them by name.
// Resolves the tree without running anything, then allows every package in it
// that has scripts, as a developer does who has reviewed them. Leaves nothing
// but that list; when the tree cannot be resolved, the install will say why.
'use strict';
const fs = require('fs');
const { spawnSync } = require('child_process');

const before = fs.readFileSync('package.json', 'utf8');
spawnSync('npm', ['install', '--package-lock-only', '--ignore-scripts',
  '--logs-max=0', ...process.argv.slice(1)], { stdio: 'ignore' });

const allowed = {};
try {
  const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || entry.inBundle) {
      continue;
    }
    const last = path.slice(path.lastIndexOf('node_modules/') + 13);
    const remote = /^(git|https?:)/.test(entry.resolved || '') &&
      !/\/-\/[^/]+\.tgz$/.test(entry.resolved);
    if (remote) {
      allowed[entry.resolved] = true;
    } else if (entry.hasInstallScript) {
      allowed[entry.name || last] = true;
    }
  }
} catch {
  // No lock: nothing could be resolved.
}
const project = JSON.parse(before);
project.allowScripts = { ...project.allowScripts, ...allowed };
fs.writeFileSync('package.json', JSON.stringify(project, null, 2) + '\n');
fs.rmSync('package-lock.json', { force: true });
