/** The example app: `npx cdktf diff dev` shows what an environment would change, `npx cdktf deploy dev` does it. */
import { App } from 'cdktf';
import { DeploymentStack } from './deployment.ts';
import { EnvironmentStack } from './environment-stack.ts';
import { environments } from './environments.ts';

const app = new App();
const { dev, staging, prod } = environments;
new DeploymentStack(app, 'deployment', [
  new EnvironmentStack(app, 'dev', dev),
  new EnvironmentStack(app, 'staging', staging),
  new EnvironmentStack(app, 'prod', prod),
]);
app.synth();
