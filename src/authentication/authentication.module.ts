import { Module } from '@nestjs/common';
import { ConfigModule, type ConfigType } from '@nestjs/config';
import { authenticationConfig } from './authentication.config.js';
import { Authenticator } from './authenticator.js';
import { InsecureAuthenticator } from './insecure-authenticator.js';

@Module({
  imports: [ConfigModule.forFeature(authenticationConfig)],
  providers: [
    {
      provide: Authenticator,
      inject: [authenticationConfig.KEY],
      useFactory: (config: ConfigType<typeof authenticationConfig>): Authenticator => {
        switch (config.AUTH_MODE) {
          case 'insecure':
            return new InsecureAuthenticator();
          case 'jwt':
            throw new Error('AUTH_MODE=jwt is not built yet');
        }
      },
    },
  ],
  exports: [Authenticator, ConfigModule],
})
export class AuthenticationModule {}
