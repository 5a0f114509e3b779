import { Logger } from '@nestjs/common';
import { describeBrokerBus } from './broker-bus.contract.js';

Logger.overrideLogger(false);

describeBrokerBus('Redis');
