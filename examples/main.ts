/** The example app: `npx cdktf diff dev` shows what an environment would change, `npx cdktf deploy dev` does it. */
import { App } from 'cdktf';
import { EnvironmentStack } from './environment-stack.ts';
import { environments } from './environments.ts';

const app = new App();
for (const [name, environment] of Object.entries(environments)) new EnvironmentStack(app, name, environment);
app.synth();
