import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { ConfigurationError } from '../config/variables.js';
import { authenticationConfig } from './authentication.config.js';
import { Authenticator } from './authenticator.js';
import { InsecureAuthenticator } from './insecure-authenticator.js';
import { JwtAuthenticator } from './jwt-authenticator.js';
import { PublishedKeys } from './published-keys.js';
import { TokenRefusals } from './token-refusals.js';

/**
 * Chooses the authenticator: the application's own, when one of its global modules provides one, else the one that
 * AUTH_MODE names. (Nest resolves an import before a global module, so the default must not have the port's token.)
 */
@Injectable()
export class Authentication {
  readonly authenticator: Authenticator;
  /** Any client can claim to be any user. */
  readonly isInsecure: boolean;
  /** Counts refused JSON Web Tokens. Of an application's own authenticator it counts only tokens of another user. */
  readonly refusals = new TokenRefusals();

  constructor(
    @Inject(authenticationConfig.KEY) config: ConfigType<typeof authenticationConfig>,
    @Optional() own?: Authenticator,
  ) {
    this.authenticator = own ?? configured(config, this.refusals);
    this.isInsecure = this.authenticator instanceof InsecureAuthenticator;
    const logger = new Logger(Authentication.name);
    if (own !== undefined) logger.log(`Clients are authenticated by ${own.constructor.name}`);
    if (this.isInsecure) {
      logger.warn('AUTH_MODE=insecure: clients are whoever they say they are. For development only');
    }
  }
}

function configured(config: ConfigType<typeof authenticationConfig>, refusals: TokenRefusals): Authenticator {
  switch (config.AUTH_MODE) {
    case 'insecure':
      return new InsecureAuthenticator();
    case 'custom':
      throw new ConfigurationError([
        {
          variable: 'AUTH_MODE',
          message: 'custom needs a global module of your own that exports an Authenticator',
        },
      ]);
    case 'jwt':
      return new JwtAuthenticator(
        {
          secrets: config.AUTH_JWT_SECRET,
          issuer: config.AUTH_JWT_ISSUER,
          audience: config.AUTH_JWT_AUDIENCE,
          clockToleranceS: config.AUTH_CLOCK_TOLERANCE_S,
        },
        config.AUTH_JWKS_URL === undefined ? null : new PublishedKeys(config.AUTH_JWKS_URL),
        refusals,
      );
  }
}
